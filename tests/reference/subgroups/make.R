# Subgroups and standardised differences; run with Rscript in this folder. R 4.2.2, emmeans, survival 3.5-3. Writes people.csv and expected.json.
suppressMessages({library(emmeans); library(survival); library(jsonlite)})
set.seed(20261123)
n <- 300
people <- data.frame(id = sprintf("P%03d", 1:n), arm = rep(c("placebo", "ketamine", "esketamine"), length.out = n), sex = sample(c("female", "male"), n, TRUE, c(.6, .4)),
  clinic = sample(c("a", "b", "c", "d"), n, TRUE, c(.4, .3, .2, .1)), age = round(runif(n, 20, 79)), base = round(rnorm(n, 34, 5)))
people$sex[c(7, 50)] <- NA; people$age[c(3, 100, 201)] <- NA
effect <- c(placebo = 0, ketamine = -5, esketamine = -3)[people$arm] * ifelse(people$sex %in% "male", .4, 1)
people$score <- pmax(round(people$base - 9 + effect + rnorm(n, 0, 8)), 0); people$score[sample(n, 20)] <- NA
rate <- .02 * exp(-c(placebo = 0, ketamine = .7, esketamine = .4)[people$arm] + .02 * (people$age %in% 60:79))
time <- ceiling(rexp(n, rate)); people$time <- pmin(time, 90); people$relapsed <- ifelse(time <= 90, "yes", "no")
write.csv(people, "people.csv", row.names = FALSE, quote = FALSE, na = "")
people$arm <- factor(people$arm, c("placebo", "ketamine", "esketamine")); people$chg <- people$score - people$base
people$response <- as.numeric(people$score <= people$base / 2)
people$band <- cut(people$age, c(-Inf, 40, 60, Inf), c("up to 40", "above 40 to 60", "above 60"))
z <- qnorm(.975)
between <- function(est, se) { w <- 1 / se^2; q <- sum(w * (est - sum(w * est) / sum(w))^2); k <- length(est)
  list(q = q, df = k - 1, p = pchisq(q, k - 1, lower.tail = FALSE), z = if (k == 2) (est[1] - est[2]) / sqrt(sum(se^2)) else NA) }
ancova <- function(column, level, against) { d <- people[people[[column]] %in% level & !is.na(people$chg), ]
  fit <- lm(chg ~ arm + base, d); m <- as.data.frame(confint(contrast(emmeans(fit, "arm"), "trt.vs.ctrl", adjust = "none"), adjust = "none"))
  row <- m[m$contrast == paste(against, "- placebo"), ]; c(row$estimate, row$lower.CL, row$upper.CL, row$SE) }
risk <- function(column, level, against) { d <- people[people[[column]] %in% level & !is.na(people$response), ]
  p <- tapply(d$response, d$arm, mean); k <- table(d$arm); gap <- 100 * (p[[against]] - p[["placebo"]])
  se <- 100 * sqrt(p[[against]] * (1 - p[[against]]) / k[[against]] + p[["placebo"]] * (1 - p[["placebo"]]) / k[["placebo"]]); c(gap, NA, NA, se) }
hazard <- function(column, level, against) { d <- people[people[[column]] %in% level, ]
  fit <- coxph(Surv(time, relapsed == "yes") ~ arm, d, ties = "efron", control = coxph.control(eps = 1e-14, iter.max = 100))
  b <- coef(fit)[[paste0("arm", against)]]; se <- sqrt(diag(vcov(fit)))[[paste0("arm", against)]]; c(b, b - z * se, b + z * se, se) }
out <- list(versions = list(R = R.version.string, emmeans = as.character(packageVersion("emmeans")), survival = as.character(packageVersion("survival"))))
levels <- list(sex = c("female", "male"), clinic = c("a", "b", "c", "d"), band = c("up to 40", "above 40 to 60", "above 60"))
for (model in c("ancova", "risk", "hazard")) for (column in names(levels)) for (against in c("ketamine", "esketamine")) {
  found <- sapply(levels[[column]], function(level) get(model)(column, level, against))
  out[[model]][[column]][[against]] <- list(estimate = I(found[1, ]), low = I(found[2, ]), high = I(found[3, ]), se = I(found[4, ]), test = between(found[1, ], found[4, ]))
}
# Standardised differences of each arm from placebo; of categories the Mahalanobis distance of Yang and Dalton, by a generalised inverse over all levels.
inverse <- function(m) { s <- svd(m); keep <- s$d > 1e-10 * s$d[1]; s$v[, keep, drop = FALSE] %*% (t(s$u[, keep, drop = FALSE]) / s$d[keep]) }
category <- function(column, against) { share <- function(arm) { x <- people[[column]][people$arm == arm]; as.vector(prop.table(table(factor(x, levels[[column]])))) }
  p <- share(against); q <- share("placebo"); s <- (diag(p) - p %o% p + diag(q) - q %o% q) / 2; sqrt(as.numeric(t(p - q) %*% inverse(s) %*% (p - q))) }
number <- function(column, against) { x <- people[[column]][people$arm == against]; y <- people[[column]][people$arm == "placebo"]
  (mean(x, na.rm = TRUE) - mean(y, na.rm = TRUE)) / sqrt((var(x, na.rm = TRUE) + var(y, na.rm = TRUE)) / 2) }
for (against in c("ketamine", "esketamine")) out$distance[[against]] <- list(sex = category("sex", against), clinic = category("clinic", against),
  age = number("age", against), base = number("base", against))
writeLines(toJSON(out, digits = 15, auto_unbox = TRUE, pretty = TRUE, na = "null"), "expected.json")
