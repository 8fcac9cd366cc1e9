"""The tables as SQLAlchemy Core sees them; ``migrations/sql`` creates them and says what they are for."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ENUM

from tracker.domain.delivery import DeliveryState, Outcome
from tracker.domain.events import EventType, Kind

METADATA = MetaData()

# The types exist in the database. An attempt has been made, so RECEIVED is no state of it.
STATE = ENUM(
    *(s for s in DeliveryState if s != "received"), name="delivery_state", schema="intake", create_type=False
)
OUTCOME = ENUM(*Outcome, name="outcome", schema="intake", create_type=False)
EVENT_TYPE = ENUM(*EventType, name="event_type", schema="record", create_type=False)
EVENT_KIND = ENUM(*Kind, name="event_kind", schema="record", create_type=False)

DELIVERY = Table(
    "delivery",
    METADATA,
    Column("delivery_no", Integer, primary_key=True),
    Column("municipality", Text),
    Column("digest", LargeBinary),
    Column("file_name", Text),
    Column("size", BigInteger),
    Column("received_at", DateTime(timezone=True)),
    schema="intake",
)

ATTEMPT = Table(
    "attempt",
    METADATA,
    Column("delivery_no", Integer, primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("state", STATE),
    Column("stream_id", Integer),
    Column("period_from", Date),
    Column("period_to", Date),
    Column("full", Boolean),
    Column("extracted_on", Date),
    Column("system", Text),
    Column("rule", Text),
    Column("rows_read", Integer),
    Column("appended", Integer),
    Column("corrected", Integer),
    Column("unchanged", Integer),
    Column("quarantined", Integer),
    Column("set_aside", Integer),
    Column("retractions", Integer),
    Column("covered", Integer),
    Column("first_position", BigInteger),
    Column("last_position", BigInteger),
    Column("software", Text),
    Column("recorded_at", DateTime(timezone=True)),
    schema="intake",
)

ROW_OUTCOME = Table(
    "row_outcome",
    METADATA,
    Column("delivery_no", Integer, primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("row_no", Integer, primary_key=True),
    Column("outcome", OUTCOME),
    Column("rule", Text),
    Column("fact_id", Uuid),
    Column("period_on", Date),
    schema="intake",
)

TOLD_IDS = Table(
    "told_ids",
    METADATA,
    Column("position", BigInteger),
    Column("fact_id", Uuid),
    Column("extracted_on", Date),
    Column("ids", Text),
    schema="intake",
)

FINDING = Table(
    "finding",
    METADATA,
    Column("delivery_no", Integer, primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("finding_no", Integer, primary_key=True),
    Column("rule", Text),
    Column("severity", Text),
    Column("sheet", Text),
    Column("row_no", Integer),
    Column("column_letter", Text),
    Column("fields", ARRAY(Text)),
    Column("expected", Text),
    Column("found", Text),
    Column("message", Text),
    Column("remedy", Text),
    Column("count", Integer),
    Column("quarantines", Boolean),
    schema="intake",
)

SPELLING = Table(
    "spelling",
    METADATA,
    Column("delivery_no", Integer, primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("field", Text, primary_key=True),
    Column("codebook", Text),
    Column("wording", Text, primary_key=True),
    Column("count", Integer),
    schema="intake",
)

STREAM = Table(
    "stream",
    METADATA,
    Column("stream_id", Integer, primary_key=True),
    Column("municipality", Text),
    Column("record_type", Text),
    schema="projection",
)

HEAD = Table(
    "head",
    METADATA,
    Column("stream_id", Integer, primary_key=True),
    Column("fact_id", Uuid, primary_key=True),
    Column("event_type", EVENT_TYPE, primary_key=True),
    Column("version", Integer),
    Column("position", BigInteger),
    Column("live", Boolean),
    Column("subject_id", Uuid),
    Column("occurred_on", Date),
    Column("content", LargeBinary),
    schema="projection",
)

EVENT = Table(
    "event",
    METADATA,
    Column("position", BigInteger, primary_key=True),
    Column("batch_no", BigInteger),
    Column("leaf", LargeBinary),
    Column("salt", LargeBinary),
    Column("event_type", EVENT_TYPE),
    Column("kind", EVENT_KIND),
    Column("subject_id", Uuid(as_uuid=False)),
    Column("municipality", Text),
    Column("record_type", Text),
    Column("fact_id", Uuid),
    Column("version", Integer),
    Column("replaces", BigInteger),
    Column("occurred_on", Date),
    Column("delivery_no", Integer),
    Column("row_no", Integer),
    Column("content", LargeBinary),
    Column("body", Text),
    Column("erased_by", BigInteger),
    schema="record",
)

BATCH = Table(
    "batch",
    METADATA,
    Column("batch_no", BigInteger, primary_key=True),
    Column("first_position", BigInteger),
    Column("last_position", BigInteger),
    Column("delivery_no", Integer),
    Column("merkle_root", LargeBinary),
    Column("previous_hash", LargeBinary),
    Column("header_hash", LargeBinary),
    Column("recorded_at", DateTime(timezone=True)),
    schema="record",
)

DECISION = Table(
    "decision",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("codebook", Text),
    Column("spelling", Text),
    Column("codes", ARRAY(Text)),
    Column("municipality", Text),
    Column("system", Text),
    Column("decided_by", Text),
    Column("decided_on", Date),
    Column("valid_from", Date),
    Column("valid_to", Date),
    Column("reason", Text),
    Column("undoes", Integer),
    schema="codebook",
)
