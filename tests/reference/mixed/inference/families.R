# Families of contrasts and simultaneous tests. Run in this folder: Rscript families.R; writes families.json (some minutes).
source("../common.R")
suppressMessages({library(emmeans); library(mvtnorm)})
three <- read.csv("../simulated/trial_three_arm.csv", na.strings = "", stringsAsFactors = FALSE)  # the region "NA" is text
three$arm <- factor(three$arm, levels = c("placebo", "ket_low", "ket_high")); three$visit <- factor(three$day); three$region <- factor(three$region, levels = c("EU", "NA", "ROW"), exclude = NULL)
three_fit <- lmer_tight(chg ~ base + region + arm * visit + (1 | id), three)
plain <- function(x) { x <- as.data.frame(x); lapply(as.list(x), function(v) I(if (is.factor(v)) as.character(v) else v)) }

# --- families -------------------------------------------------------------------------------------
# P(max |T| <= t) for a multivariate t with any real df, by quadrature over log of the chi scale (trapezoid: smooth, decays at both ends)
scale_nodes <- function(df) {
  u <- seq(-60 / sqrt(df) / (1 + 5 / df), 4 / sqrt(df) * 2.5, length.out = 601); s <- exp(u)
  density <- exp(log(2) + (df / 2) * log(df / 2) - lgamma(df / 2) + (df - 1) * log(s) - df * s^2 / 2 + u)
  list(s = s, w = density * (u[2] - u[1]))
}
z_grid <- seq(-10, 10, length.out = 501); z_weight <- dnorm(z_grid) * (z_grid[2] - z_grid[1])
normal_equi <- function(h, k, rho = 0.5) {  # k standard normals with common correlation rho, all within +-h
  a <- sqrt(rho); b <- sqrt(1 - rho)
  sum(z_weight * (pnorm((h - a * z_grid) / b) - pnorm((-h - a * z_grid) / b))^k)
}
inside_equi <- function(t, k, df, rho = 0.5) { n <- scale_nodes(df); keep <- n$w > 1e-18; sum(n$w[keep] * sapply(t * n$s[keep], normal_equi, k = k, rho = rho)) }
legendre <- local({ n <- 120; i <- seq_len(n - 1); m <- matrix(0, n, n); m[cbind(i, i + 1)] <- m[cbind(i + 1, i)] <- i / sqrt(4 * i^2 - 1); e <- eigen(m, symmetric = TRUE); list(x = e$values, w = 2 * e$vectors[1, ]^2) })
normal_two <- function(h, rho) { z <- pmin(h, 9) * legendre$x; c <- sqrt(1 - rho^2); sum(legendre$w * pmin(h, 9) * dnorm(z) * (pnorm((h - rho * z) / c) - pnorm((-h - rho * z) / c))) }
inside_two <- function(t, rho, df) { n <- scale_nodes(df); keep <- n$w > 1e-18; sum(n$w[keep] * sapply(t * n$s[keep], normal_two, rho = rho)) }
critical <- function(inside, level = 0.95) uniroot(function(t) inside(t) - level, c(1, 12), tol = 1e-13)$root
small <- GenzBretz(maxpts = 1e6, abseps = 1e-6); large <- GenzBretz(maxpts = 2e5, abseps = 1e-5)
rough <- GenzBretz(maxpts = 1e5, abseps = 1e-5)

outside <- function(t, corr, df, algorithm) { k <- ncol(corr); p <- pmvt(lower = rep(-abs(t), k), upper = rep(abs(t), k), corr = corr, df = df, algorithm = algorithm); c(1 - p[1], attr(p, "error")) }
set.seed(1)
equi <- list()
for (k in c(2, 3, 5)) for (df in c(5, 20, 60)) {
  corr <- matrix(0.5, k, k); diag(corr) <- 1; t <- c(0.5, 1.5, 2.5, 3.5)
  p <- lapply(t, outside, corr = corr, df = df, algorithm = small)
  q <- qmvt(0.95, tail = "both.tails", corr = corr, df = df, algorithm = rough, ptol = 1e-4)$quantile
  message(date(), " ", k, " ", df); equi[[paste0("k", k, "_df", df)]] <- list(k = k, df = df, correlation = 0.5, t = t, p_quadrature = sapply(t, function(x) 1 - inside_equi(x, k, df)), p_mvtnorm = sapply(p, `[`, 1), p_mvtnorm_error = sapply(p, `[`, 2),
                                            critical_quadrature = critical(function(x) inside_equi(x, k, df)), critical_mvtnorm = q)
}
for (df in c(7.3, 41.62)) for (k in c(2, 3, 5)) equi[[paste0("k", k, "_df", df)]] <- list(k = k, df = df, correlation = 0.5, t = c(0.5, 1.5, 2.5, 3.5), p_quadrature = sapply(c(0.5, 1.5, 2.5, 3.5), function(x) 1 - inside_equi(x, k, df)), critical_quadrature = critical(function(x) inside_equi(x, k, df)))

family <- function(df_name, which) {
  grid <- contrast(emmeans(three_fit, ~ arm | visit, lmer.df = df_name), "trt.vs.ctrl", adjust = "none")
  if (which == "last") grid <- grid[9:10] else grid <- update(grid, by = NULL)
  s <- summary(grid, infer = c(TRUE, TRUE), adjust = "none"); l <- unname(grid@linfct); closed <- exact(three_fit, rows = l)
  satt <- df_name == "satterthwaite"; df <- if (satt) closed$satterthwaite_df else closed$kr_df
  # the covariance of the contrasts, adjusted for Kenward-Roger, from the closed formulas
  v <- if (satt) as.matrix(vcov(three_fit)) else as.matrix(vcovAdj(three_fit))
  cov <- l %*% v %*% t(l); corr <- cov2cor(cov); k <- nrow(l)
  t <- as.vector(l %*% fixef(three_fit)) / sqrt(diag(cov)); nu <- min(df); raw <- 2 * pt(-abs(t), df)
  algorithm <- if (k == 2) small else large
  at <- function(d) { p <- lapply(t, outside, corr = corr, df = d, algorithm = algorithm); list(df = d, p = sapply(p, `[`, 1), p_error = sapply(p, `[`, 2), critical = qmvt(0.95, tail = "both.tails", corr = corr, df = d, algorithm = rough, ptol = 1e-4)$quantile) }
  nodes <- function(x) {  # any real df for a large family: mvtnorm's normal integral at 24 Gauss points of the chi-square
    sum(gauss$w * sapply(gauss$s, function(s) pmvnorm(rep(-abs(x) * s, k), rep(abs(x) * s, k), corr = corr, algorithm = GenzBretz(maxpts = 1e5, abseps = 1e-6))[1]))
  }
  if (k == 2) {
    exact_p <- sapply(t, function(x) 1 - inside_two(abs(x), corr[1, 2], nu)); crit <- critical(function(x) inside_two(x, corr[1, 2], nu))
  } else {
    legs <- local({ n <- 24; i <- seq_len(n - 1); m <- matrix(0, n, n); a <- nu / 2 - 1; diag(m) <- 2 * (0:(n - 1)) + 1 + a; m[cbind(i, i + 1)] <- m[cbind(i + 1, i)] <- sqrt(i * (i + a)); e <- eigen(m, symmetric = TRUE); list(s = sqrt(e$values * 2 / nu), w = e$vectors[1, ]^2) })
    gauss <- list(s = legs$s[legs$w > 1e-12], w = legs$w[legs$w > 1e-12])  # generalised Laguerre: the chi-square as a gamma variate
    exact_p <- sapply(t, function(x) 1 - nodes(x)); crit <- uniroot(function(x) nodes(x) - 0.95, c(2, 4), tol = 1e-5)$root
  }
  list(contrast = I(as.character(s$contrast)), visit = I(as.character(s$visit)), estimate = I(as.vector(l %*% fixef(three_fit))), se = I(sqrt(diag(cov))), df = I(df), t = I(t), p = I(raw), linfct = rows_of(l), covariance = rows_of(cov), correlation = rows_of(corr),
       emmeans = plain(s), holm = I(p.adjust(raw, "holm")), hochberg = I(p.adjust(raw, "hochberg")), bonferroni = I(p.adjust(raw, "bonferroni")), bonferroni_lower = I(as.vector(l %*% fixef(three_fit)) - qt(1 - 0.025 / k, df) * sqrt(diag(cov))), bonferroni_upper = I(as.vector(l %*% fixef(three_fit)) + qt(1 - 0.025 / k, df) * sqrt(diag(cov))),
       dunnett = list(df = nu, p = I(exact_p), critical = crit, lower = I(as.vector(l %*% fixef(three_fit)) - crit * sqrt(diag(cov))), upper = I(as.vector(l %*% fixef(three_fit)) + crit * sqrt(diag(cov)))),
       dunnett_mvtnorm_floor_df = at(floor(nu)), dunnett_mvtnorm_ceiling_df = at(ceiling(nu)))
}
families <- list()
for (df in c("satterthwaite", "kenward-roger")) for (w in c("last", "all")) { families[[paste(w, df, sep = "_")]] <- caught(family(df, w)); message(date(), " ", w, " ", df) }

write(list(versions = versions("lme4", "emmeans", "mvtnorm"), equicorrelated = equi, families = families), "families.json")
