# Reference values for clinics with irregular follow-up; run with Rscript in this folder.
# R 4.2.2, lme4 1.1-31, survival 3.5-3, geepack 1.3.9, clubSandwich 0.5.8, numDeriv. Writes scores.csv, two_arms.csv and reference.json.
suppressMessages({library(lme4); library(survival); library(geepack); library(clubSandwich); library(splines); library(numDeriv); library(jsonlite)})
set.seed(20261122)

# Scores at days that nobody planned: 90 people in 9 clinics; who has a high score comes again sooner; everybody could be seen to day 120.
end <- 120; people <- 90
rows <- do.call(rbind, lapply(1:people, function(i) {
  site <- 1 + i %% 9; base <- round(rnorm(1, 17, 4), 1); own <- -8 + c(-1.5, .8, 0, 1.2, -.6, .3, -.9, 1.1, .4)[site] + rnorm(1, 0, 3)
  day <- 0; last <- base; out <- NULL
  repeat {
    day <- day + max(1, ceiling(rexp(1, .1 * exp(.06 * (last - 10)))))
    if (day > end || runif(1) < .08) break
    last <- round(base + own * (1 - exp(-day / 10)) + rnorm(1, 0, 2.5), 1); out <- rbind(out, data.frame(id = i, site = site, base = base, day = day, score = last))
  }
  if (is.null(out)) data.frame(id = i, site = site, base = base, day = NA, score = NA) else out
}))
write.csv(rows, "scores.csv", row.names = FALSE, quote = FALSE)
seen <- rows[!is.na(rows$day), ]; seen$chg <- seen$score - seen$base
out <- list(versions = list(R = R.version.string, lme4 = as.character(packageVersion("lme4")), survival = as.character(packageVersion("survival")),
  geepack = as.character(packageVersion("geepack")), clubSandwich = as.character(packageVersion("clubSandwich"))))

# A restricted cubic spline with these knots is a natural spline: the same space of functions, another basis.
knots <- c(3, 8, 18, 40, 90); at <- c(7, 14, 42, 84)
basis <- function(day) ns(day, knots = knots[2:4], Boundary.knots = knots[c(1, 5)])
B <- basis(seen$day)
fit <- lmer(chg ~ base + B + (1 | site) + (1 | id), seen, control = lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-12, maxfun = 1e5)))
L <- cbind(1, mean(seen$base), basis(at))
sites <- as.data.frame(ranef(fit, condVar = TRUE)$site); variance <- attr(ranef(fit, condVar = TRUE)$site, "postVar")[1, 1, ]
out$course <- list(knots = knots, at = at, mean = I(as.vector(L %*% fixef(fit))), se = I(sqrt(diag(L %*% as.matrix(vcov(fit)) %*% t(L)))), logLik = as.numeric(logLik(fit)),
  sd = I(as.data.frame(VarCorr(fit))$sdcor), order = I(as.data.frame(VarCorr(fit))$grp), site_effect = I(sites[[1]]), site_sd = I(sqrt(variance)))

# The times at which people are seen: every day at risk is a row, so that nothing of our cutting of intervals is shared.
daily <- do.call(rbind, lapply(split(rows, rows$id), function(d) {
  days <- d$day[!is.na(d$day)]; value <- d$base[1]; since <- 0; out <- vector("list", end)
  for (t in 1:end) { hit <- t %in% days; out[[t]] <- c(d$id[1], t - 1, t, hit, value, t - since); if (hit) { value <- d$score[d$day == t & !is.na(d$day)]; since <- t } }
  setNames(as.data.frame(do.call(rbind, out)), c("id", "start", "stop", "seen", "last", "gap"))
}))
for (s in c(7, 14, 28, 56)) daily[[paste0("over", s)]] <- as.numeric(daily$gap > s)
gaps <- daily$gap[daily$seen == 1]; message("seen after more than 28 and 56 days: ", sum(gaps > 28), " ", sum(gaps > 56))
ag <- coxph(Surv(start, stop, seen) ~ last + over7 + over14 + over28, daily, cluster = id, ties = "efron", control = coxph.control(eps = 1e-14, iter.max = 100))
out$intensity <- list(terms = names(coef(ag)), estimate = I(unname(coef(ag))), se = I(unname(sqrt(diag(vcov(ag))))), after28 = sum(gaps > 28), after56 = sum(gaps > 56))

# A weighted mean course: independence, identity link. Mancl and DeRouen's errors are then CR3.
seen$last <- daily$last[match(paste(seen$id, seen$day), paste(daily$id, daily$stop))]
raw <- exp(-coef(ag)[["last"]] * (seen$last - mean(seen$last))); low <- quantile(raw, .01); high <- quantile(raw, .99)
seen$w <- pmin(pmax(raw, low), high); seen$w <- seen$w / mean(seen$w)
plain <- lm(chg ~ base + B, seen, weights = w)
# our standardisation: everybody once
once <- seen[!duplicated(seen$id), ]; G <- cbind(1, mean(once$base), basis(at))
md <- as.matrix(vcovCR(plain, seen$id, type = "CR3", inverse_var = FALSE))
gg <- geeglm(chg ~ base + B, data = seen, id = id, weights = w, corstr = "independence")
out$weighted_course <- list(mean = I(as.vector(G %*% coef(plain))), cr3_se = I(sqrt(diag(G %*% md %*% t(G)))), geepack_robust_se = I(sqrt(diag(G %*% vcov(gg) %*% t(G)))),
  cr0_se = I(sqrt(diag(G %*% as.matrix(vcovCR(plain, seen$id, type = "CR0")) %*% t(G)))), weights_sd = sd(seen$w), weights_range = I(range(seen$w)))

# Two arms that nobody randomised.
n <- 240; two <- data.frame(id = 1:n, age = round(rnorm(n, 45, 12)), inpatient = ifelse(runif(n) < .3, "yes", "no"), base = round(rnorm(n, 32, 6)))
ill <- .4 * (two$age - 45) / 12 + .9 * (two$inpatient == "yes") + .5 * (two$base - 32) / 6
two$arm <- ifelse(runif(n) < plogis(.2 - ill), "ketamine", "ect"); two$chg <- round(-14 - (two$arm == "ketamine") + 2.5 * ill + rnorm(n, 0, 8), 1)
two$better <- as.numeric(two$chg < -15)
write.csv(two, "two_arms.csv", row.names = FALSE, quote = FALSE)
X <- model.matrix(~ age + inpatient + base, two); A <- as.numeric(two$arm == "ketamine")
compare <- function(y, trim) {
  g <- glm(A ~ X - 1, family = binomial, control = glm.control(epsilon = 1e-14, maxit = 100)); p <- mean(A)
  of <- function(e) ifelse(A == 1, p / e, (1 - p) / (1 - e))
  bounds <- quantile(of(fitted(g)), c(trim, 1 - trim)); free <- of(fitted(g)) >= bounds[1] & of(fitted(g)) <= bounds[2]
  # at a bound the weight is that bound, whatever the coefficients
  w <- function(gamma) { own <- of(plogis(as.vector(X %*% gamma))); ifelse(free, own, pmin(pmax(of(fitted(g)), bounds[1]), bounds[2])) }
  functions <- function(theta) { k <- ncol(X); gamma <- theta[1:k]; v <- w(gamma)
    cbind(X * (A - plogis(as.vector(X %*% gamma))), A * v * (y - theta[k + 1]), (1 - A) * v * (y - theta[k + 2])) }
  v <- w(coef(g)); theta <- c(coef(g), sum(A * v * y) / sum(A * v), sum((1 - A) * v * y) / sum((1 - A) * v))
  bread <- solve(jacobian(function(t) colMeans(functions(t)), theta)); meat <- crossprod(functions(theta)) / n
  covariance <- bread %*% meat %*% t(bread) / n; k <- ncol(X); last <- k + 1:2; d <- c(1, -1)
  ratio <- c(1 / theta[k + 1], -1 / theta[k + 2])
  smd <- function(x, v) (weighted.mean(x[A == 1], v[A == 1]) - weighted.mean(x[A == 0], v[A == 0])) / sqrt((var(x[A == 1]) + var(x[A == 0])) / 2)
  list(treated = unname(theta[k + 1]), reference = unname(theta[k + 2]), se_treated = sqrt(covariance[k + 1, k + 1]), se_reference = sqrt(covariance[k + 2, k + 2]),
    difference = unname(theta[k + 1] - theta[k + 2]), se_difference = sqrt(as.numeric(t(d) %*% covariance[last, last] %*% d)),
    se_log_ratio = sqrt(as.numeric(t(ratio) %*% covariance[last, last] %*% ratio)), weights_range = I(range(v)), weights_sd = sd(v),
    before = I(sapply(list(two$age, as.numeric(two$inpatient == "yes"), two$base), smd, rep(1, n))), after = I(sapply(list(two$age, as.numeric(two$inpatient == "yes"), two$base), smd, v)),
    effective = sum(v[A == 1])^2 / sum(v[A == 1]^2))
}
out$change <- compare(two$chg, .01); out$change_untrimmed <- compare(two$chg, 0); out$better <- compare(two$better, .01)
writeLines(toJSON(out, digits = 15, auto_unbox = TRUE, pretty = TRUE), "reference.json")
