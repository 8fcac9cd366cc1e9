# Rscript make_ties.R, here: writes ties_curves.csv, ties_numbers.csv from ties.csv (and lung.csv), by R's own functions.
suppressMessages({library(survival); library(cmprsk)})
curves <- function(set, kind, f) data.frame(set = set, kind = kind, group = rep(sub(".*=", "", names(f$strata)), f$strata),
  time = f$time, at_risk = f$n.risk, events = f$n.event, censored = f$n.censor, estimate = f$surv,
  std_error = if (f$logse) f$surv * f$std.err else f$std.err, lower = f$lower, upper = f$upper,
  hazard = f$cumhaz, hazard_error = f$std.chaz)
curves_of <- function(x) {
  kinds <- c("log", "log-log", "plain", "logit", "arcsin")
  by_kind <- lapply(kinds, function(k) curves(x$set[1], k, survfit(y ~ group, x, conf.type = k)))
  rbind(do.call(rbind, by_kind),
    curves(x$set[1], "fleming-harrington", survfit(y ~ group, x, stype = 2, ctype = 2)),
    curves(x$set[1], "weighted", survfit(y ~ group, x, weights = w, robust = FALSE))) }
number <- function(x, what, rho, at, value) data.frame(set = x$set[1], what = what, rho = rho, at = as.character(at), value = as.numeric(value))
exact <- function(f, x) coxph(f, x, ties = "exact", control = coxph.control(iter.max = 0))$score
numbers_of <- function(x) {
  fit <- survfit(y ~ group, x); mean3 <- summary(fit, rmean = 3)$table; groups <- sub(".*=", "", names(fit$strata))
  q <- quantile(fit)
  out <- rbind(number(x, "mean", NA, groups, mean3[, 5]), number(x, "mean_error", NA, groups, mean3[, 6]),
    do.call(rbind, lapply(names(q), function(n) number(x, n, NA, paste(groups, rep(colnames(q[[n]]), each = length(groups))), q[[n]]))),
    number(x, "log_rank", NA, "", exact(y ~ factor(group), x)),
    number(x, "log_rank_stratified", NA, "", exact(y ~ factor(group) + strata(stratum), x)),
    number(x, "trend_stratified", NA, "", exact(y ~ group + strata(stratum), x)))
  if (any(x$entered > 0)) return(out)
  for (rho in c(0, 0.5, 1)) {
    out <- rbind(out, number(x, "survdiff", rho, "", survdiff(y ~ group + strata(stratum), x, rho = rho)$chisq),
      number(x, "gray", rho, 1:3, cuminc(x$left, x$cause, x$group, rho = rho)$Tests[, 1]),
      number(x, "gray_stratified", rho, 1:3, cuminc(x$left, x$cause, x$group, x$stratum, rho = rho)$Tests[, 1])) }
  out }
d <- read.csv("ties.csv")
sets <- lapply(split(d, d$set), function(x) {
  any <- as.integer(x$cause > 0); x$y <- if (any(x$entered > 0)) Surv(x$entered, x$left, any) else Surv(x$left, any); x })
l <- read.csv("../regression/lung.csv")
lung <- curves("lung", "weighted", survfit(Surv(time, status) ~ sex, l, weights = w, robust = FALSE))
write.csv(rbind(do.call(rbind, lapply(sets, curves_of)), lung), "ties_curves.csv", row.names = FALSE, quote = FALSE, na = "")
write.csv(do.call(rbind, lapply(sets, numbers_of)), "ties_numbers.csv", row.names = FALSE, quote = FALSE, na = "")
