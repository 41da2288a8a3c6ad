# Reference values for the two simulated studies, from the frozen CSVs beside this script.
# Run in this folder: Rscript make.R   (R survival, emmeans, nlme, jsonlite); writes expected.json.
# Nothing here uses ketaoutcomes: the raw files are read, joined and analysed again from the start.
suppressMessages({library(survival); library(emmeans); library(nlme); library(jsonlite)})

z <- qnorm(0.975)

# --- parallel trial -----------------------------------------------------------------------------
people <- read.csv("frozen/esketamine_trial/participants.csv")
scores <- read.csv("frozen/esketamine_trial/madrs.csv")
people$arm <- factor(people$ARM, levels = c("Placebo", "Esketamine"), labels = c("placebo", "esketamine"))
people$ad_class <- factor(people$ADCLASS, levels = c("SNRI", "SSRI"))
at <- function(visit) { rows <- scores[scores$VISIT == visit, ]; rows$MADRS_TOTAL[match(people$SUBJID, rows$SUBJID)] }
people$base <- at("Baseline")
days <- c(2, 8, 15, 22, 28)
values <- sapply(paste("Day", days), at)
people$fas <- !is.na(people$base) & rowSums(!is.na(values)) > 0
long <- do.call(rbind, lapply(seq_along(days), function(k) cbind(people, visit = paste0("day", days[k]), k = k, aval = values[, k])))
long$chg <- long$aval - long$base
long$visit <- factor(long$visit, levels = paste0("day", days))
seen <- long[long$fas & !is.na(long$aval), ]

table_of <- function(fit) { s <- coef(summary(fit)); list(term = rownames(s), estimate = s[, 1], se = s[, 2], t = s[, 3], p = s[, 4]) }
columns <- function(grid) as.list(as.data.frame(summary(grid, infer = c(TRUE, TRUE))))

ancova <- function(visit) {
  rows <- seen[seen$visit == visit, ]
  fit <- lm(chg ~ arm + base + ad_class, data = rows)
  means <- emmeans(fit, "arm")
  list(n = nrow(rows), n_arm = as.list(table(rows$arm)), df = df.residual(fit), coefficients = table_of(fit),
       ls_means = columns(means), contrast = columns(contrast(means, "revpairwise")))
}

# Newcombe 1998, Statistics in Medicine 17:873, method 10: the Wilson limits of each arm, combined
wilson <- function(x, n) { p <- x / n; half <- z * sqrt(z^2 + 4 * n * p * (1 - p)); c(2 * n * p + z^2 - half, 2 * n * p + z^2 + half) / (2 * (n + z^2)) }
compare <- function(met, arm) {
  x <- tapply(met, arm, sum); n <- tapply(met, arm, length); p <- x / n
  d <- p[["esketamine"]] - p[["placebo"]]
  wald <- z * sqrt(sum(p * (1 - p) / n))
  e <- wilson(x[["esketamine"]], n[["esketamine"]]); c <- wilson(x[["placebo"]], n[["placebo"]])
  newcombe <- c(d - sqrt((p[["esketamine"]] - e[1])^2 + (c[2] - p[["placebo"]])^2), d + sqrt((e[2] - p[["esketamine"]])^2 + (p[["placebo"]] - c[1])^2))
  log_ratio <- log(p[["esketamine"]] / p[["placebo"]]); se <- sqrt(sum(1 / x - 1 / n))
  list(events = as.list(x), n = as.list(n), difference = d, wald = c(d - wald, d + wald), newcombe = newcombe,
       ratio = exp(log_ratio), log_wald = exp(log_ratio + c(-z, z) * se))
}
halved <- function(rows) 2 * rows$aval <= rows$base
proportion <- function(visit, rule) { rows <- seen[seen$visit == visit, ]; compare(rule(rows), rows$arm) }
all_of <- function(visit) { rows <- long[long$visit == visit, ]; compare(!is.na(rows$aval) & halved(rows), rows$arm) }

observed <- function(visit, arm) {
  rows <- long[long$visit == visit & long$arm == arm & !is.na(long$aval), ]
  list(visit = visit, arm = arm, n = nrow(rows), mean = mean(rows$aval), sd = sd(rows$aval), mean_change = mean(rows$chg), sd_change = sd(rows$chg))
}

# unstructured covariance by nlme: estimates and errors given the covariance, no Satterthwaite df
control <- glsControl(opt = "optim", maxIter = 500, msMaxIter = 1000, tolerance = 1e-12, msTol = 1e-14, optimMethod = "BFGS", returnObject = FALSE)
unstructured <- gls(chg ~ base + arm + visit + base:visit + arm:visit + ad_class, data = seen, method = "REML", control = control,
                    correlation = corSymm(form = ~ k | SUBJID), weights = varIdent(form = ~ 1 | visit))
difference <- contrast(emmeans(unstructured, ~ arm | visit, mode = "df.error", data = seen), "revpairwise")

trial <- list(
  n = nrow(people), fas = sum(people$fas),
  observed = do.call(c, lapply(levels(long$visit), function(v) lapply(levels(long$arm), function(a) observed(v, a)))),
  ancova_day2 = ancova("day2"), ancova_day28 = ancova("day28"),
  response = list(day2 = proportion("day2", halved), day28 = proportion("day28", halved)),
  response_all = list(day2 = all_of("day2"), day28 = all_of("day28")),
  remission = list(day28 = proportion("day28", function(rows) rows$aval <= 12)),
  mmrm = list(loglik = as.numeric(logLik(unstructured)), visit = levels(seen$visit), estimate = as.data.frame(difference)$estimate, se = as.data.frame(difference)$SE)
)

# --- randomised withdrawal ----------------------------------------------------------------------
w <- read.csv("frozen/esketamine_withdrawal/participants.csv", na.strings = "")
events <- read.csv("frozen/esketamine_withdrawal/events.csv")
ends <- read.csv("frozen/esketamine_withdrawal/disposition.csv")
ends <- ends[ends$PHASE == "maintenance", ]
w <- w[!is.na(w$TREATMENT) & !is.na(w$RANDDAY), ]
relapse <- events[events$EVENT == "relapse", ]
relapse_day <- tapply(relapse$DAY, relapse$ID, min)[w$ID]
w$event <- !is.na(relapse_day)
w$time <- ifelse(w$event, relapse_day, ends$DAY[match(w$ID, ends$ID)]) - w$RANDDAY
w$arm <- factor(w$TREATMENT, levels = c("placebo", "esketamine"))
w$sex <- factor(w$SEX, levels = c("female", "male"))
stopifnot(!anyNA(w$time), all(w$time > 0))

tight <- coxph.control(eps = 1e-13, toler.chol = 1e-14, iter.max = 100)
cox <- function(formula, rows, ...) {
  fit <- do.call(coxph, list(formula, data = rows, ties = "efron", control = tight, x = TRUE, ...))  # do.call: cox.zph evaluates the call again
  s <- coef(summary(fit)); limits <- confint(fit); test <- cox.zph(fit, transform = "km")$table["GLOBAL", ]
  list(n = fit$n, events = fit$nevent, term = rownames(s), coef = I(unname(coef(fit))), se = I(unname(sqrt(diag(fit$var)))), p = I(unname(s[, "Pr(>|z|)"])),
       lower = I(unname(limits[, 1])), upper = I(unname(limits[, 2])), loglik = fit$loglik[2], zph = unname(test))
}
curve <- function(rows) {
  fit <- survfit(Surv(time, event) ~ 1, rows, conf.type = "log")
  middle <- quantile(fit, 0.5)
  list(n = nrow(rows), events = sum(rows$event), time = fit$time, at_risk = fit$n.risk, n_event = fit$n.event, survival = fit$surv,
       lower = fit$lower, upper = fit$upper, median = unname(middle$quantile), median_lower = unname(middle$lower), median_upper = unname(middle$upper))
}
test <- survdiff(Surv(time, event) ~ arm + strata(STABLE), w)
plain <- survdiff(Surv(time, event) ~ arm, w)

withdrawal <- list(
  n = nrow(w), events = sum(w$event), at_risk_56_placebo = sum(w$time >= 56 & w$arm == "placebo"),
  stratified = cox(Surv(time, event) ~ arm + strata(STABLE), w),
  unstratified = cox(Surv(time, event) ~ arm, w),
  covariates = cox(Surv(time, event) ~ arm + AGE + sex + strata(STABLE), w),
  clustered = cox(Surv(time, event) ~ arm, w, cluster = w$CENTRE),
  remitters = cox(Surv(time, event) ~ arm, w[w$STABLE == "remission", ]),
  curves = lapply(split(w, w$arm), curve),
  log_rank_stratified = c(test$chisq, 1, pchisq(test$chisq, 1, lower.tail = FALSE)),
  log_rank = c(plain$chisq, 1, pchisq(plain$chisq, 1, lower.tail = FALSE))
)

versions <- c(list(R = R.version.string), lapply(c(survival = "survival", emmeans = "emmeans", nlme = "nlme"), function(p) as.character(packageVersion(p))))
write_json(list(versions = versions, esketamine_trial = trial, esketamine_withdrawal = withdrawal), "expected.json", digits = NA, auto_unbox = TRUE, na = "null", pretty = 1)
