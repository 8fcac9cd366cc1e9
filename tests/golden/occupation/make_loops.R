# Simulated spells with loops, delayed entry and few days: made once; this script makes the numbers.
# Rscript make_loops.R
suppressMessages({library(survival); library(etm)})
d <- read.csv("loops.csv", na.strings = ""); states <- letters[1:4]
out <- NULL
add <- function(key, time, what, value) out <<- rbind(out, data.frame(key, time, what, value = sprintf("%.17g", value)))
tra <- matrix(FALSE, 4, 4); tra[1:3, ] <- TRUE; diag(tra) <- FALSE
for (s in c(0, 3)) {
  e <- etm(data.frame(id = d$id, from = d$from, to = ifelse(is.na(d$to), "cens", d$to), entry = d$t0, exit = d$t1),
           states, tra, "cens", s = s)
  for (t in 4:8) { k <- findInterval(t, e$time)
    for (a in states) for (b in states) {
      add(paste0("etm_p_", s), t, paste(a, b), e$est[a, b, k])
      for (c in states) add(paste0("etm_cov_", s), t, paste(a, b, c), e$cov[paste(a, b), paste(c, b), k]) } } }
d$ev <- factor(ifelse(is.na(d$to), "censor", d$to), c("censor", states)); d$ist <- factor(d$from, states)
f <- survfit(Surv(t0, t1, ev) ~ 1, d, id = id, istate = ist, p0 = c(1, 0, 0, 0), influence = TRUE)
for (t in 1:8) { k <- findInterval(t, f$time); for (j in 1:4) {
  add("ij_p", t, states[j], f$pstate[k, j]); add("ij_se", t, states[j], f$std.err[k, j]) } }
r <- as.data.frame(unclass(summary(f, rmean = 7)$table))
for (j in 1:4) { add("ij_mean", 7, states[j], r$rmean[j]); add("ij_mean_se", 7, states[j], r[["se(rmean)"]][j]) }
write.csv(out, "loops_expected.csv", row.names = FALSE, quote = FALSE)
