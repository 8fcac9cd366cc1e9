# Simulated spells with loops, late entry, weights and ties: made once; this script makes the numbers.
# Events are entries to b out of a; leaving a for d or e ends the time at risk. Rscript make_returns.R
suppressMessages(library(survival))
d <- read.csv("returns.csv", na.strings = ""); out <- NULL
a <- d[d$from == "a", ]; a <- a[order(a$id, a$t0), ]; a$event <- as.integer(!is.na(a$to) & a$to == "b")
a$number <- ave(a$event, a$id, FUN = function(v) cumsum(c(0, v[-length(v)])))
a$origin <- ave(a$t0, paste(a$id, a$number), FUN = min)
each <- do.call(rbind, lapply(0:1, function(k) transform(
  a[a$number <= k, ], event = ifelse(number == k, event, 0), number = k)))
add <- function(model, ties, f) out <<- rbind(out, data.frame(
  model, ties, term = names(coef(f)), coef = sprintf("%.17g", coef(f)), se = sprintf("%.17g", sqrt(diag(f$var)))))
for (ties in c("efron", "breslow")) {
  fit <- function(formula, data) coxph(formula, data, weights = w, cluster = id, ties = ties,
                                       control = coxph.control(eps = 1e-12, toler.chol = 1e-13))
  add("total", ties, fit(Surv(t0, t1, event) ~ x + z + strata(number), a))
  add("gap", ties, fit(Surv(t0 - origin, t1 - origin, event) ~ x + z + strata(number), a))
  add("wlw", ties, fit(Surv(t0, t1, event) ~ x + z + strata(number), each))
}
write.csv(out, "returns_expected.csv", row.names = FALSE, quote = FALSE)
