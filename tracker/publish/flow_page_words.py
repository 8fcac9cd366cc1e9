"""The words of the flow page in Swedish: denominators and definitions, as ``flow_words`` in English."""

from __future__ import annotations

from collections.abc import Mapping

from tracker.projections.flow_cohort import DECISION_MONTHS, FOLLOW_UP_MONTHS, START_MONTHS

STEP_DENOMINATORS_SV: Mapping[str, str] = {
    "investigation": "inkomna och sorterade (inledda, påförda, inte inledda, hänvisade vidare), där ej "
    "inledda är fullständigt registrerade",
    "need": "utredning inledd, behov bedömt ja eller nej",
    "granted": "behov bedömt, beslut känt",
    "started": "insats beviljad, start känd",
    "followed_up": "insats påbörjad, uppföljning känd",
    "returned": "alla ärenden avslutade, därefter observerade hela uppföljningstiden",
    "clock_14_days": "anmälningar, inte påförda eller administrativa, avslutade eller förbi sista dagen",
    "clock_4_months": "inledda utredningar, avslutade eller förbi sista dagen",
}
"""Who is in the denominator of the share of the step before."""

START_DENOMINATORS_SV: Mapping[str, str] = {
    "referrals": "inkomna, utfall känt så här långt, där ej inledda är fullständigt registrerade",
    "investigations": "inledda ur urvalet, utfall känt så här långt",
    "children": "med en aktualisering i urvalet, utfall känt så här långt, där ej inledda är fullständigt "
    "registrerade",
}
RETURN_START_SV = "med en aktualisering i urvalet, alla ärenden avslutade, därefter observerade hela tiden"

DAYS_SV: Mapping[str, str] = {
    "received": "inkommen till avslutad förhandsbedömning",
    "investigation": "inkommen till avslutad förhandsbedömning",
    "need": "utredning inledd till avslutad",
    "granted": "utredning inledd till första beviljande beslut",
    "started": "första beviljande beslut till första start",
    "followed_up": "första start till första uppföljning",
    "returned": "sista ärendet avslutat till återkomst",
}


def definitions_sv(horizon_days: str) -> tuple[tuple[str, str], ...]:
    """Every term of the page with its definition, in reading order."""
    return (
        (
            "urval",
            "aktualiseringar inkomna under den angivna perioden; var och en behåller den grupp den hade då",
        ),
        (
            "med och utan barn-id",
            "rader utan barn-id sorteras en gång (inledd eller inte) och kan inte följas längre; de läggs "
            "aldrig ihop med de övriga",
        ),
        (
            "enheter",
            "aktualiseringar; utredningar inledda ur urvalet, var och en en gång per grupp hur många "
            "aktualiseringar som än ledde till den; barn, vart och ett en gång per klass (ett barn med flera "
            "aktualiseringar kan finnas i flera klasser)",
        ),
        (
            "förhandsbedömning",
            "klassen för den levererade åtgärden; saknas åtgärd men en utredning är kopplad: inledd om den "
            "inleddes samma dag eller senare, annars påförd. Ingen åtgärd: för nyligen tills 14 dagar är "
            "observerade, därefter pågår ännu; ej levererad där dagen inte täcks av fullständiga leveranser "
            "eller kommunen aldrig levererar åtgärder",
        ),
        (
            "ej inledda fullständigt registrerade",
            "anges av kommunen för perioden; där det inte är angivet räknas inga andelar av inledda eller av "
            "starten, och kommunens aktualiseringar ingår inte i de nämnarna när flera kommuner räknas ihop",
        ),
        (
            "ej levererad, för nyligen",
            "om något inte har hänt kan bara sägas för dagar då kommunen har levererat den posttypen "
            "fullständigt: före den sista sådana dagen är en lucka ej levererad, efter den allt för nyligen",
        ),
        (
            "behovsbedömning",
            "ja: stöd eller skydd; nej: inget behov; pågår eller för nyligen (inom fyra månader från "
            "inledandet) medan utredningen inte är avslutad; ej levererad: avslutad utan angivet behov, "
            "eller inte täckt; kan inte kopplas: aktualiseringen ledde till utredning men ingen hittas",
        ),
        (
            "beslut om insats",
            "beviljad: en kopplad insats beviljades (eller påbörjades utan levererat beslut); inte beviljad: "
            f"avslag, återtagen, eller inget beslut {DECISION_MONTHS} kalendermånad efter avslutad utredning "
            "medan insatser täcks; utan känt behov: beviljad fast behov inte bedömts",
        ),
        (
            "insatsens start",
            f"påbörjad: en beviljad insats har startat; inte påbörjad: inte inom {START_MONTHS} observerade "
            "kalendermånader från beslutet",
        ),
        (
            "uppföljning",
            "uppföljd: en uppföljning är kopplad till en påbörjad insats; inte uppföljd: ingen inom "
            f"{FOLLOW_UP_MONTHS} täckta kalendermånader från starten",
        ),
        (
            "återaktualisering",
            "för varje barn, från dess första aktualisering i urvalet: första dagen då inget är öppet är dag "
            f"0; ja: ett nytt ärende inom {horizon_days} dagar. Bara barn som observerats alla "
            f"{horizon_days} dagar efter dag 0 ingår i nämnaren, återkomna eller inte; övriga är för "
            "nyligen. Pågår: något är fortfarande öppet när observationen slutar; fyllt 18 eller 21, flyttat "
            "eller avlidit först är en egen klass. Andelen av steget och av starten är densamma",
        ),
        (
            "14-dagarsfristen",
            "anmälningar, från inkommen (dag 0) till avslutad förhandsbedömning; sista dag är dag 14. "
            "Ansökningar, påförda och administrativa omfattas inte; en öppen förbi sista dagen är sen",
        ),
        (
            "fyramånadersfristen",
            "utredningar inledda ur urvalet: avslutade senast samma dag fyra kalendermånader senare (sista "
            "dagen i en kortare månad), aldrig 120 dagar; en öppen förbi sista dagen är sen",
        ),
        (
            "mediandagar bland avslutade",
            "median för dem som nått det slut raden nämner. Långsamma som ännu pågår saknas: talet beskriver "
            "de avslutade och växer när urvalet mognar",
        ),
        (
            "andel av steget, andel av starten",
            "av steget: denna klass bland enheter som nådde steget och vars utfall där är känt; av starten: "
            "denna klass bland enheter vars utfall så här långt är känt, utsorterade tidigare eller här. "
            "Pågående, för nyliga, ej levererade, okodade och administrativa räknas på egna rader och ingår "
            "i ingen nämnare",
        ),
        (
            "andelar och väntan",
            "en tidig utsortering blir känd före ett sent utfall, så i ett ungt urval är de senare stegens "
            "andel av starten för låg; välj en period med få pågående och för nyliga",
        ),
        (
            "intervall",
            "95 %. Med barn-id: varians klustrad på barn (linjäriserad kvot, Cochran 1977; Rao & Scott "
            "1992), gränser enligt Wilson vid effektiv storlek (Korn & Graubard 1998). Utan barn-id: Wilson "
            "(1927) som om raderna vore oberoende, vilket underskattar osäkerheten när barn har flera",
        ),
        (
            "orsak",
            "en aktualisering med flera orsaker räknas under var och en, så grupper efter orsak summerar "
            "inte till totalen",
        ),
        ("storleksklass", "kommunens senast kända"),
    )
