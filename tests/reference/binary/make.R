# Binary models of the CSVs beside this script, which the first part simulates. Run in this folder: Rscript make.R
# R 4.2.2, lme4 1.1-31, geepack 1.3.9, clubSandwich 0.5.8. Writes the CSVs, glmm.json and later.json.
source("../mixed/common.R")
suppressMessages({library(geepack); library(clubSandwich)})
set.seed(20261122)
arms <- c("placebo", "ketamine")

# Relapse by interval: 12 sites of 14, hazards by a complementary log-log, a participant leaves at the relapse.
people <- data.frame(id = 1:168, site = rep(1:12, each = 14))
people$arm <- sample(rep(arms, 84)); people$severity <- round(rnorm(168), 3)
effect <- rnorm(12, 0, 1.3)
hazards <- do.call(rbind, lapply(1:168, function(i) {
  eta <- c(-1.9, -1.5, -1.7, -1.2) - 0.6 * (people$arm[i] == "ketamine") + 0.35 * people$severity[i] + effect[people$site[i]]
  y <- rbinom(4, 1, 1 - exp(-exp(eta))); last <- min(which(c(y, 1) == 1), 4)
  data.frame(people[i, ], interval = paste0("i", 1:last), relapse = y[1:last])
}))
# Abstinent or not at up to 7 visits of 150 participants, who differ in intercept and slope.
n <- 150
u <- matrix(rnorm(2 * n), n) %*% chol(matrix(c(2.2, 0.5, 0.5, 0.9), 2))
states <- do.call(rbind, lapply(1:n, function(i) {
  arm <- arms[i %% 2 + 1]; visits <- sample(4:7, 1); time <- (0:(visits - 1)) / 2
  base <- round(rnorm(1, 10, 3), 1)
  eta <- 0.3 - 0.5 * time + 0.5 * (arm == "ketamine") * time - 0.08 * (base - 10) + u[i, 1] + u[i, 2] * time
  data.frame(id = i, arm = arm, base = base, time = time, abstinent = rbinom(visits, 1, plogis(eta)))
}))
# Days of use out of days observed, with a known offset: 30 clinics of 5 periods.
counts <- data.frame(clinic = rep(1:30, each = 5), period = paste0("p", 1:5), arm = rep(sample(rep(arms, 15)), each = 5))
counts$days <- sample(3:9, 150, TRUE); counts$shift <- round(rnorm(150, 0, 0.4), 3)
counts$use <- rbinom(150, counts$days, plogis(-0.8 + counts$shift - 0.5 * (counts$arm == "ketamine") + rep(rnorm(30, 0, 0.9), each = 5)))
# Participants within 10 sites.
nested <- data.frame(site = rep(1:10, each = 60), id = rep(1:120, each = 5), time = 0:4)
nested$arm <- arms[nested$id %% 2 + 1]
nested$response <- rbinom(600, 1, plogis(-0.7 + 0.2 * nested$time + 0.4 * (nested$arm == "ketamine") + rnorm(10, 0, 0.9)[nested$site] + rnorm(120, 0, 1.2)[nested$id]))
for (name in c("hazards", "states", "counts", "nested")) write.csv(get(name), paste0(name, ".csv"), row.names = FALSE, quote = FALSE)
for (name in c("hazards", "states", "counts", "nested")) assign(name, within(read.csv(paste0(name, ".csv")), arm <- factor(arm, levels = arms)))

# The deviance of glmer as a function of theta and beta, minimised by bobyqa and then by Newton with Richardson gradients.
control <- glmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-11, maxfun = 1e5), tolPwrss = 1e-12)
tight <- function(formula, data, link = "logit", nodes = 1L, ...) {
  call <- list(formula, data = data, family = binomial(link), control = control, ...)
  parts <- do.call(glFormula, call)
  first <- do.call(mkGlmerDevfun, c(parts, list(control = control)))
  optimizeGlmer(first)
  fn <- updateGlmerDevfun(first, parts$reTrms, nAGQ = nodes)
  fit <- suppressWarnings(do.call(glmer, c(call, list(nAGQ = nodes))))
  start <- c(getME(fit, "theta"), fixef(fit)); lower <- c(parts$reTrms$lower, rep(-Inf, length(fixef(fit))))
  # the diagonal of the factor is kept where it is in sign; every theta here is inside
  best <- newton(fn, as.numeric(start))
  k <- length(getME(fit, "theta"))
  list(fit = fit, fn = fn, par = best$par, deviance = best$value, gradient = best$gradient, theta = best$par[1:k], beta = best$par[-(1:k)],
       covariance = 2 * solve(bend(fn, best$par)), terms = names(fixef(fit)), k = k)
}
# Laplace's approximation itself. glmer stops its inner iterations early, so that its deviance is off by 1e-5 and its optimum with it; and
# it has expected information in place of the curvature, which for a complementary log-log is another number.
laplace <- function(parts, link, beta, L, trials) {
  x <- parts$X; y <- parts$y; id <- parts$id; eta0 <- as.vector(x %*% beta) + parts$shift; zl <- parts$z %*% L; d <- ncol(zl); u <- matrix(0, max(id), d)
  for (round in 1:60) {
    eta <- eta0 + rowSums(zl * u[id, , drop = FALSE])
    if (link == "logit") { p <- plogis(eta); first <- y - trials * p; second <- trials * p * (1 - p); value <- y * plogis(eta, log.p = TRUE) + (trials - y) * plogis(-eta, log.p = TRUE) }
    else { l <- exp(eta); r <- l / expm1(l); first <- y * r - (trials - y) * l; second <- -y * r * (1 - l - r) + (trials - y) * l; value <- y * log(-expm1(-l)) - (trials - y) * l }
    h <- lapply(seq_len(d), function(a) lapply(seq_len(d), function(b) (a == b) + as.vector(rowsum(second * zl[, a] * zl[, b], id))))
    g <- rowsum(first * zl, id) - u
    determinant <- if (d == 1) h[[1]][[1]] else h[[1]][[1]] * h[[2]][[2]] - h[[1]][[2]]^2
    u <- u + if (d == 1) g / h[[1]][[1]] else cbind(h[[2]][[2]] * g[, 1] - h[[1]][[2]] * g[, 2], h[[1]][[1]] * g[, 2] - h[[1]][[2]] * g[, 1]) / determinant
    if (max(abs(g)) < 1e-12) break
  }
  sum(value) - sum(u^2) / 2 - sum(log(determinant)) / 2
}
own <- function(f, link, z = "1", shift = 0, trials = 1) {  # the optimum of glmer, gone on to that of Laplace's approximation
  data <- model.frame(f$fit); y <- model.response(data); if (is.matrix(y)) { trials <- rowSums(y); y <- y[, 1] }
  id <- as.integer(factor(getME(f$fit, "flist")[[1]]))
  parts <- list(X = getME(f$fit, "X"), y = y, id = id, shift = shift, z = if (z == "1") matrix(1, length(y)) else cbind(1, data$time))
  factor_of <- function(theta) if (z == "1") matrix(theta) else if (z == "||") diag(theta) else matrix(c(theta[1], theta[2], 0, theta[3]), 2)
  fn <- function(par) -2 * laplace(parts, link, par[-(1:f$k)], factor_of(par[1:f$k]), trials) - 2 * sum(lchoose(trials, y))
  best <- newton(fn, f$par)
  modifyList(f, list(fn = fn, par = best$par, deviance = best$value, gradient = best$gradient, theta = best$par[1:f$k], beta = best$par[-(1:f$k)], covariance = 2 * solve(bend(fn, best$par))))
}
entry <- function(f, modes = TRUE) {
  se <- sqrt(diag(f$covariance))[-(1:f$k)]
  out <- list(terms = I(f$terms), estimate = I(f$beta), se = I(se), theta = I(f$theta), deviance = f$deviance, logLik_glmer = as.numeric(logLik(f$fit)),
              max_abs_gradient = f$gradient, glmer_estimate = I(unname(fixef(f$fit))), glmer_se = I(unname(sqrt(diag(as.matrix(vcov(f$fit)))))))
  if (modes) {
    re <- ranef(f$fit, condVar = TRUE)
    if (length(re) == 1 && ncol(re[[1]]) == 1) out$ranef <- list(level = I(rownames(re[[1]])), mode = I(re[[1]][[1]]), sd = I(sqrt(as.numeric(attr(re[[1]], "postVar")))))
  }
  out
}
ratio <- function(larger, smaller) { statistic <- smaller$deviance - larger$deviance; df <- length(larger$par) - length(smaller$par); list(statistic = statistic, df = df, p = pchisq(statistic, df, lower.tail = FALSE)) }
flat <- function(formula, data, link, ...) glm(formula, binomial(link), data, control = glm.control(epsilon = 1e-15, maxit = 200), ...)
# Profile limits: the deviance refitted with the coefficient held, as an offset, up to the root.
profile_glm <- function(fit, data, link) t(sapply(names(coef(fit)), function(term) {
  x <- model.matrix(fit); rest <- x[, colnames(x) != term, drop = FALSE]; shift <- if (is.null(fit$offset)) 0 else fit$offset; y <- fit$y; w <- fit$prior.weights
  at <- function(v) suppressWarnings(glm.fit(rest, y, weights = w, offset = shift + v * x[, term], family = binomial(link), control = glm.control(epsilon = 1e-15, maxit = 200)))$deviance
  b <- coef(fit)[[term]]; s <- sqrt(diag(vcov(fit)))[[term]]; cut <- function(v) at(v) - fit$deviance - qchisq(0.95, 1)
  c(uniroot(cut, c(b - 8 * s, b), tol = 1e-10)$root, uniroot(cut, c(b, b + 8 * s), tol = 1e-10)$root)
}))
# Limits of glmer: deviance(theta, beta) with one element held and the others minimised.
profile_glmer <- function(f, i, lowest = -Inf) {
  g <- function(v, start) { h <- function(x) { full <- f$par; full[i] <- v; full[-i] <- x; f$fn(full) }; newton(h, nlminb(start, h, control = list(rel.tol = 1e-14))$par)$value }
  cut <- function(v) g(v, f$par[-i]) - f$deviance - qchisq(0.95, 1); s <- sqrt(f$covariance[i, i]); b <- f$par[i]

  c(uniroot(cut, c(max(b - 3.5 * s, lowest), b - s), tol = 1e-8)$root, uniroot(cut, c(b + s, b + 6 * s), tol = 1e-8)$root)
}

out <- list(versions = versions("lme4", "geepack", "clubSandwich", "numDeriv"))
h <- relapse ~ interval + arm + severity + (1 | site); h0 <- relapse ~ interval + severity + (1 | site)
hz <- lapply(list(laplace = 1L, nodes25 = 25L, nodes10 = 10L), function(k) tight(h, hazards, "cloglog", k))
hz$laplace <- own(hz$laplace, "cloglog")
out$hazards <- c(lapply(hz, entry), list(lrt_arm = ratio(hz$nodes25, tight(h0, hazards, "cloglog", 25L)), lrt_arm_laplace = ratio(hz$laplace, own(tight(h0, hazards, "cloglog", 1L), "cloglog"))))
flat_h <- flat(relapse ~ interval + arm + severity, hazards, "cloglog"); none <- logLik(flat_h)
lr <- -hz$laplace$deviance - 2 * as.numeric(none)
out$hazards$lrt_site_laplace <- list(statistic = lr, p_half = pchisq(lr, 1, lower.tail = FALSE) / 2)
out$hazards$profile <- list(arm = I(profile_glmer(hz$nodes10, 1 + which(hz$nodes10$terms == "armketamine"))), sd = I(profile_glmer(hz$nodes10, 1, 1e-4)))
confident <- suppressWarnings(confint(profile(hz$nodes10$fit, which = c(1, 1 + which(hz$nodes10$terms == "armketamine")), delta = 0.1)))
out$hazards$profile$lme4 <- list(sd = I(confident[1, ]), arm = I(confident[2, ]))

s <- abstinent ~ base + arm * time
su <- own(tight(abstinent ~ base + arm * time + (1 | id) + (0 + time | id), states), "logit", "||"); sc <- own(tight(abstinent ~ base + arm * time + (time | id), states), "logit", "|")
si <- own(tight(abstinent ~ base + arm * time + (1 | id), states), "logit")
out$states <- list(uncorrelated = entry(su), correlated = entry(sc), intercept = entry(si), lrt_slope = ratio(su, si), lrt_both = ratio(sc, si))
out$states$lrt_arm <- ratio(sc, own(tight(abstinent ~ base + time + (time | id), states), "logit", "|"))

c1 <- tight(cbind(use, days - use) ~ period + arm + offset(shift) + (1 | clinic), counts, "logit", 25L); c0 <- own(tight(cbind(use, days - use) ~ period + arm + offset(shift) + (1 | clinic), counts), "logit", shift = counts$shift)
cc <- tight(cbind(use, days - use) ~ period + arm + offset(shift) + (1 | clinic), counts, "cloglog", 25L)
out$counts <- list(nodes25 = entry(c1), laplace = entry(c0), cloglog25 = entry(cc))

fixed <- function(fit, data, link) {
  table <- coef(summary(fit)); mass <- suppressMessages(confint(fit)); mine <- profile_glm(fit, data, link)
  list(terms = I(rownames(table)), estimate = I(unname(table[, 1])), se = I(unname(table[, 2])), p = I(unname(table[, 4])), logLik = as.numeric(logLik(fit)), AIC = AIC(fit),
       lower = I(unname(mine[, 1])), upper = I(unname(mine[, 2])), mass_lower = I(unname(mass[, 1])), mass_upper = I(unname(mass[, 2])))
}
out$fixed <- list(logit = fixed(flat(s, states, "logit"), states, "logit"), cloglog = fixed(flat_h, hazards, "cloglog"),
                  counts = fixed(flat(cbind(use, days - use) ~ period + arm + offset(shift), counts, "logit"), counts, "logit"))
d0 <- flat(relapse ~ interval + severity, hazards, "cloglog")
out$fixed$lrt_arm <- list(statistic = d0$deviance - flat_h$deviance, df = 1, p = anova(d0, flat_h, test = "Chisq")[2, "Pr(>Chi)"])
write(out, "glmm.json")

# For models to come: nested random intercepts, and generalised estimating equations.
nn <- tight(response ~ arm * time + (1 | site / id), nested)
later <- list(versions = out$versions, nested = list(laplace = c(entry(nn, FALSE), list(order = I(names(getME(nn$fit, "theta")))))))
# Small-sample errors of estimating equations. With D_i = dmu/dbeta, V_i = A^1/2 R A^1/2, B = (sum D'V^-1 D)^-1, H_i = D_i B D_i' V_i^-1:
# robust B (sum D'V^-1 e e' V^-1 D) B; Mancl & DeRouen (2001), Biometrics 57:126, equation (5): (I - H_i)^-1 e_i in place of e_i;
# Kauermann & Carroll (2001), JASA 96:1387: (I - H_i)^-1/2 e_i, the principal root;
# Fay & Graubard (2001), Biometrics 57:1198: the score D'V^-1 e times diag(1 - min(0.75, Q_jj))^-1/2, Q = D'V^-1 D B.
corrected <- function(x, y, id, beta, correlation) {
  p <- plogis(as.vector(x %*% beta)); a <- p * (1 - p); parts <- split(seq_along(y), id)
  at <- lapply(parts, function(r) {
    half <- sqrt(a[r]); v <- outer(half, half) * correlation(length(r)); d <- x[r, , drop = FALSE] * a[r]
    list(d = d, v = v, vi = solve(v), e = y[r] - p[r])
  })
  b <- solve(Reduce(`+`, lapply(at, function(c) t(c$d) %*% c$vi %*% c$d)))
  root <- function(m, power) { s <- eigen(m, symmetric = TRUE); s$vectors %*% (s$values^power * t(s$vectors)) }
  meat <- function(f) b %*% Reduce(`+`, lapply(at, function(c) { s <- f(c); s %*% t(s) })) %*% b
  score <- function(c, e) t(c$d) %*% c$vi %*% e
  list(robust = meat(function(c) score(c, c$e)),
       mancl_derouen = meat(function(c) score(c, solve(diag(length(c$e)) - c$d %*% b %*% t(c$d) %*% c$vi, c$e))),
       kauermann_carroll = meat(function(c) { w <- root(c$v, 0.5); wi <- root(c$v, -0.5); score(c, w %*% root(diag(length(c$e)) - wi %*% c$d %*% b %*% t(c$d) %*% wi, -0.5) %*% wi %*% c$e) }),
       fay_graubard = meat(function(c) { q <- diag(t(c$d) %*% c$vi %*% c$d %*% b); score(c, c$e) / sqrt(1 - pmin(0.75, q)) }))
}
structures <- list(independence = function(alpha) function(k) diag(k), exchangeable = function(alpha) function(k) { r <- matrix(alpha, k, k); diag(r) <- 1; r },
                   ar1 = function(alpha) function(k) alpha^abs(outer(1:k, 1:k, "-")))
gee_of <- function(data) sapply(names(structures), function(name) {
  fit <- geeglm(abstinent ~ base + arm * time, binomial, data, id = id, corstr = name, std.err = "san.se", control = geese.control(epsilon = 1e-13, maxit = 500))
  alpha <- if (name == "independence") 0 else unname(fit$geese$alpha)
  all <- corrected(model.matrix(fit), fit$y, fit$id, coef(fit), structures[[name]](alpha))
  stopifnot(max(abs(all$robust / fit$geese$vbeta - 1)) < 1e-5)
  if (name == "independence") {  # CR3 is Mancl and DeRouen's where the working correlation is the identity
    plain <- flat(abstinent ~ base + arm * time, data, "logit")
    stopifnot(max(abs(all$mancl_derouen / as.matrix(vcovCR(plain, data$id, "CR3")) - 1)) < 1e-5)
  }
  c(list(terms = I(names(coef(fit))), estimate = I(unname(coef(fit))), alpha = alpha, dispersion = unname(fit$geese$gamma), vcov_geepack = rows_of(unname(fit$geese$vbeta))),
    lapply(all, function(m) list(se = I(unname(sqrt(diag(m)))), vcov = rows_of(unname(m)))))
}, simplify = FALSE)
later$gee_states <- gee_of(states)
later$gee_states_first_24 <- gee_of(states[states$id <= 24, ])
write(later, "later.json")
