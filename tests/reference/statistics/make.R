# Reference values for proportions, ranks and times to event, from data drawn here and written beside them.
# Run in this folder: Rscript make.R   (R survival, metafor, jsonlite; else base R); writes expected.json.
suppressMessages({library(survival); library(metafor); library(jsonlite)})
RNGversion("4.3.0"); set.seed(20240601)

# --- proportions ---------------------------------------------------------------------------------
tables <- rbind(c(12, 40, 5, 38), c(3, 9, 0, 8), c(1, 30, 2, 31), c(9, 10, 3, 10), c(6, 7, 2, 7), c(0, 12, 4, 11), c(50, 100, 31, 97))
fisher <- apply(tables, 1, function(r) fisher.test(matrix(c(r[1], r[2] - r[1], r[3], r[4] - r[3]), 2))$p.value)
wilson <- function(x, n) as.numeric(suppressWarnings(prop.test(x, n, correct = FALSE))$conf.int)
# Newcombe 1998 (Stat Med 17:873), method 10: Wilson's limits of each arm, combined
newcombe <- t(apply(tables, 1, function(r) {
  p <- r[1] / r[2]; q <- r[3] / r[4]; one <- wilson(r[1], r[2]); two <- wilson(r[3], r[4])
  c(p - q - sqrt((p - one[1])^2 + (two[2] - q)^2), p - q + sqrt((one[2] - p)^2 + (q - two[1])^2))
}))
katz <- t(apply(tables, 1, function(r) {
  found <- suppressWarnings(escalc("RR", ai = r[1], n1i = r[2], ci = r[3], n2i = r[4], add = 0, to = "none"))
  if (is.na(found$vi) || !is.finite(found$vi)) return(c(NA, NA))
  as.numeric(exp(found$yi + c(-1, 1) * qnorm(0.975) * sqrt(found$vi)))
}))
layered <- list(
  three = rbind(c(8, 20, 3, 19), c(5, 30, 6, 28), c(2, 9, 0, 11)), empty = rbind(c(8, 20, 3, 19), c(2, 5, 0, 0), c(7, 12, 5, 13)),
  small = rbind(c(1, 2, 0, 1), c(1, 1, 1, 3), c(0, 2, 1, 2), c(2, 3, 0, 2)), none = rbind(c(0, 10, 4, 12), c(0, 8, 3, 9))
)
stratified <- lapply(layered, function(s) {
  both <- s[s[, 2] > 0 & s[, 4] > 0, , drop = FALSE]
  fit <- rma.mh(measure = "RD", ai = both[, 1], n1i = both[, 2], ci = both[, 3], n2i = both[, 4])
  cells <- array(apply(both, 1, function(r) c(r[1], r[2] - r[1], r[3], r[4] - r[3])), c(2, 2, nrow(both)))
  list(strata = s, estimate = as.numeric(fit$beta), se = fit$se, lower = fit$ci.lb, upper = fit$ci.ub, p = mantelhaen.test(cells, correct = FALSE)$p.value)
})
n <- 90
people <- data.frame(arm = rep(0:1, c(44, 46)), age = round(rnorm(n, 40, 9)), sex = rbinom(n, 1, 0.5))
people$event <- rbinom(n, 1, plogis(-2 + 0.9 * people$arm + 0.03 * people$age - 0.5 * people$sex))
fit <- glm(event ~ arm + age + sex, binomial, people, control = glm.control(epsilon = 1e-15, maxit = 100))
risk <- function(beta, arm) mean(plogis(cbind(1, arm, people$age, people$sex) %*% beta))
slope <- function(arm) { x <- cbind(1, arm, people$age, people$sex); p <- as.numeric(plogis(x %*% coef(fit))); colMeans(p * (1 - p) * x) }
difference <- risk(coef(fit), 1) - risk(coef(fit), 0)
error <- sqrt(as.numeric(t(slope(1) - slope(0)) %*% vcov(fit) %*% (slope(1) - slope(0))))
standardised <- list(people = people, estimate = difference, se = error, p = 2 * pnorm(-abs(difference) / error))

# --- ranks ---------------------------------------------------------------------------------------
pairs <- list(
  distinct = list(round(rnorm(10, 0.8), 3), round(rnorm(12), 3)), unequal = list(round(rnorm(25, 0.4), 3), round(rnorm(14), 3)),
  tied = list(sample(0:4, 20, TRUE), sample(1:5, 23, TRUE)), few = list(c(3, 1, 2), c(1.5, 4))
)
ranks <- lapply(pairs, function(pair) {
  test <- suppressWarnings(wilcox.test(pair[[1]], pair[[2]], exact = FALSE, correct = FALSE))
  free <- !anyDuplicated(unlist(pair))
  limits <- if (free) as.numeric(suppressWarnings(wilcox.test(pair[[1]], pair[[2]], exact = TRUE, conf.int = TRUE))$conf.int) else NULL
  list(first = pair[[1]], second = pair[[2]], p = test$p.value, w = as.numeric(test$statistic),
       median = median(outer(pair[[1]], pair[[2]], "-")), exact = limits)
})

# --- times to event ------------------------------------------------------------------------------
n <- 120
times <- data.frame(arm = rep(0:1, each = 60), stratum = sample(c("a", "b", "c"), n, TRUE), x = round(rnorm(n), 2))
hazard <- 0.05 * exp(-0.5 * times$arm + 0.4 * times$x)
event <- rexp(n, hazard); other <- rexp(n, 0.015); end <- runif(n, 5, 40)
times$time <- ceiling(pmin(event, other, end))
# as in adtte's cnsr: 0 event, 1 censored, 2 competing
times$status <- ifelse(event <= pmin(other, end), 0, ifelse(other <= end, 2, 1))
times$event <- as.integer(times$status == 0)
curve <- function(type) {
  fit <- survfit(Surv(time, event) ~ 1, times, conf.type = type)
  list(time = fit$time, survival = fit$surv, lower = fit$lower, upper = fit$upper, at_risk = fit$n.risk)
}
sf <- survfit(Surv(time, event) ~ arm, times)
means <- function(until) {
  table <- summary(sf, rmean = until)$table
  d <- unname(table[2, "rmean"] - table[1, "rmean"]); se <- sqrt(sum(table[, "se(rmean)"]^2))
  list(until = until, means = unname(table[, "rmean"]), difference = d, se = se, p = 2 * pnorm(-abs(d) / se))
}
at <- function(day) { s <- summary(sf, times = day); list(day = day, survival = s$surv, se = s$std.err) }
# weights S(t-)^rho (1 - S(t-))^gamma of Fleming and Harrington, written out; checked against survdiff where it has them
weighted <- function(rho, gamma, strata) {
  u <- 0; v <- 0
  for (s in unique(strata)) {
    d <- times[strata == s, ]; km <- 1
    for (t in sort(unique(d$time[d$event == 1]))) {
      y <- sum(d$time >= t); y1 <- sum(d$time >= t & d$arm == 1); k <- sum(d$time == t & d$event == 1); k1 <- sum(d$time == t & d$event == 1 & d$arm == 1)
      w <- km^rho * (1 - km)^gamma
      u <- u + w * (k1 - k * y1 / y)
      if (y > 1) v <- v + w^2 * k * y1 / y * (1 - y1 / y) * (y - k) / (y - 1)
      km <- km * (1 - k / y)
    }
  }
  u^2 / v
}
one <- rep(1, n)
stopifnot(all.equal(weighted(0, 0, one), survdiff(Surv(time, event) ~ arm, times)$chisq))
stopifnot(all.equal(weighted(1, 0, one), survdiff(Surv(time, event) ~ arm, times, rho = 1)$chisq))
stopifnot(all.equal(weighted(1, 0, times$stratum), survdiff(Surv(time, event) ~ arm + strata(stratum), times, rho = 1)$chisq))
rank_tests <- lapply(list(c(0, 0), c(1, 0), c(0.5, 0), c(0, 1), c(1, 1)), function(w)
  list(rho = w[1], gamma = w[2], chisq = weighted(w[1], w[2], one), stratified = weighted(w[1], w[2], times$stratum)))
causes <- factor(c("event", "censored", "competing")[times$status + 1], c("censored", "event", "competing"))
aj <- survfit(Surv(time, causes) ~ 1, times)
incidence <- list(time = aj$time, estimate = aj$pstate[, 2], se = aj$std.err[, 2])

# Gray 1988 (Ann Stat 16:1141), rho = 0, with strata; status 1: the cause, 2: another, 0: censored
gray_parts <- function(time, status, group) {
  groups <- sort(unique(group)); g <- length(groups)
  u <- rep(0, g); v <- v2 <- C <- matrix(0, g, g); v3 <- f1 <- rep(0, g); km <- rep(1, g); f <- 0
  for (t in sort(unique(time[status > 0]))) {
    of <- function(inside) sapply(groups, function(one) sum(inside & group == one))
    y <- of(time >= t); d1 <- of(time == t & status == 1); d2 <- of(time == t & status == 2)
    n1 <- sum(d1); here <- which(y > 0)
    h <- ifelse(y > 0, y / km, 0); H <- sum(h); r <- h * (1 - f1)
    after <- ifelse(y > 0, km * (1 - (d1 + d2) / pmax(y, 1)), km)
    A <- diag(h) - outer(h, h) / H
    C <- C + A * n1 / (H * (1 - f))
    u <- u + d1 - n1 * r / sum(r)
    f <- f + n1 / H
    for (k in here) {
      left <- if (after[k] > 0) (1 - f) / after[k] else 0
      if (n1 > 0) {
        tied <- if (n1 > 1) 1 - (n1 - 1) / (H * km[k] - 1) else 1
        e <- tied * km[k] * n1 / (H * y[k]); a <- A[, k] - (1 - left) * C[, k]
        v <- v + outer(a, a) * e; v2[, k] <- v2[, k] + a * (1 - left) * e; v3[k] <- v3[k] + (1 - left)^2 * e
      }
      if (d2[k] > 0 && after[k] > 0) {
        tied <- if (d2[k] > 1) 1 - (d2[k] - 1) / (y[k] - 1) else 1
        e <- tied * km[k]^2 * d2[k] / y[k]^2; a <- left * C[, k]
        v <- v + outer(a, a) * e; v2[, k] <- v2[, k] - a * left * e; v3[k] <- v3[k] + left^2 * e
      }
    }
    f1 <- f1 + ifelse(y > 0, km * d1 / pmax(y, 1), 0); km <- after
  }
  v <- v + C %*% diag(v3) %*% t(C) + C %*% t(v2) + v2 %*% t(C)
  list(u = u, v = v)
}
gray <- function(time, status, group, strata = rep(1, length(time))) {
  parts <- lapply(unique(strata), function(s) gray_parts(time[strata == s], status[strata == s], group[strata == s]))
  u <- Reduce(`+`, lapply(parts, `[[`, "u")); v <- Reduce(`+`, lapply(parts, `[[`, "v")); k <- seq_len(length(u) - 1)
  as.numeric(u[k] %*% solve(v[k, k], u[k]))
}
# cmprsk prints, in its own tests (tests/test.Rout.save), for data of R 1.2's generators:
suppressWarnings(RNGversion("1.2.1")); set.seed(2)
ss <- rexp(100); gg <- factor(sample(1:3, 100, replace = TRUE), 1:3, c("a", "b", "c")); cc <- sample(0:2, 100, replace = TRUE)
strt <- sample(1:2, 100, replace = TRUE); dd <- abs(rnorm(100)); two <- gg != "b"
stopifnot(abs(gray(ss, cc, gg, strt) - 3.393977) < 1e-6, abs(gray(ss, c(0, 2, 1)[cc + 1], gg, strt) - 1.989511) < 1e-6)
stopifnot(abs(gray(dd, cc, gg, strt) - 1.214132) < 1e-6, abs(gray(dd, c(0, 2, 1)[cc + 1], gg, strt) - 3.269462) < 1e-6)
stopifnot(abs(gray(ss[two], cc[two], gg[two], strt[two]) - 3.5151549) < 1e-7)
stopifnot(abs(gray(ss[two], c(0, 2, 1)[cc[two] + 1], gg[two], strt[two]) - 0.1400145) < 1e-7)
RNGversion("4.3.0")
cause <- c(1, 0, 2)[times$status + 1]
grays <- list(two = gray(times$time, cause, times$arm), three = gray(times$time, cause, times$stratum))

# --- counting process: stretches of time, a covariate that changes, tied events ---------------------
rows <- do.call(rbind, lapply(seq_len(nrow(times)), function(i) {
  cuts <- c(0, c(4, 11)[c(4, 11) < times$time[i]], times$time[i]); k <- length(cuts) - 1
  data.frame(id = i, entry = cuts[-(k + 1)], time = cuts[-1], event = c(rep(0, k - 1), times$event[i]), arm = times$arm[i], stratum = times$stratum[i],
             z = round(times$x[i] + cumsum(rnorm(k)), 2))
}))
tight <- coxph.control(eps = 1e-13, toler.chol = 1e-14, iter.max = 100)
fitted <- function(fit) list(coef = unname(coef(fit)), se = unname(sqrt(diag(fit$var))), loglik = fit$loglik[2])
cox <- list(
  rows = rows, plain = fitted(coxph(Surv(entry, time, event) ~ arm + z, rows, ties = "efron", control = tight)),
  strata = fitted(coxph(Surv(entry, time, event) ~ arm + z + strata(stratum), rows, ties = "efron", control = tight)),
  cluster = fitted(coxph(Surv(entry, time, event) ~ arm + z, rows, cluster = id, ties = "efron", control = tight)),
  zph = unname(cox.zph(coxph(Surv(entry, time, event) ~ arm + z, rows, ties = "efron", control = tight), transform = "km")$table["GLOBAL", ])
)
write_json(list(
  versions = list(R = R.version.string, survival = as.character(packageVersion("survival")), metafor = as.character(packageVersion("metafor"))),
  tables = tables, fisher = fisher, newcombe = newcombe, katz = katz, stratified = stratified, standardised = standardised, ranks = ranks, times = times,
  curves = sapply(c("log", "log-log", "plain"), curve, simplify = FALSE), means = lapply(c(10, 25, 30), means), landmarks = lapply(c(5, 12, 20), at),
  rank_tests = rank_tests, incidence = incidence, gray = grays, cox = cox
), "expected.json", digits = NA, auto_unbox = TRUE, na = "null", dataframe = "columns", null = "null")
