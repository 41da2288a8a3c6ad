# Linear mixed models of the CSVs beside this script. Run in this folder: Rscript make.R; writes lmm.json and boundary.json.
source("../common.R")
read <- function(file) {
  d <- read.csv(file, na.strings = "", stringsAsFactors = FALSE)
  d$arm <- factor(d$arm, levels = c("placebo", "ketamine"))
  d
}
joint <- rbind(c(0, 0, 1, 0, 0), c(0, 0, 0, 0, 1))  # arm and arm:time

covariance_of <- function(fit) lapply(VarCorr(fit), function(m) { m <- matrix(as.numeric(m), nrow(m), dimnames = list(rownames(m), colnames(m))); list(names = I(rownames(m)), matrix = rows_of(m)) })
random_of <- function(fit) {
  re <- ranef(fit, condVar = TRUE)
  sapply(names(re), function(g) {
    post <- attr(re[[g]], "postVar"); columns <- names(re[[g]])
    if (is.list(post)) {  # several uncorrelated terms: the diagonal only
      blocks <- lapply(post, function(a) a[1, 1, ])
      names(blocks) <- columns
    } else {
      blocks <- list()
      for (i in seq_along(columns)) for (j in seq_len(i)) blocks[[if (i == j) columns[i] else paste(columns[j], columns[i], sep = ",")]] <- post[i, j, ]
    }
    list(level = I(rownames(re[[g]])), mode = lapply(as.list(re[[g]]), function(v) I(as.numeric(v))), conditional_variance = lapply(blocks, function(v) I(as.numeric(v))))
  }, simplify = FALSE)
}

entry <- function(data, random, reml, w = NULL) {
  formula <- as.formula(paste("y ~ base + arm * time +", random))
  fit <- if (is.null(w)) lmer_tight(formula, data, REML = reml) else lmer_tight(formula, data, REML = reml, weights = w)
  ll <- logLik(fit)
  f <- contestMD(fit, joint)
  out <- list(formula = paste(deparse(formula(fit)), collapse = " "), reml = reml, weighted = !is.null(w), n_obs = nobs(fit), groups = as.list(ngrps(fit)),
              logLik = as.numeric(ll), df_model = attr(ll, "df"), AIC = AIC(fit), BIC = BIC(fit), singular = isSingular(fit), max_abs_gradient_theta = attr(fit, "max_abs_gradient"),
              coefficients = table_of(coef(summary(fit))), vcov = rows_of(as.matrix(vcov(fit))),
              covariance = covariance_of(fit), sigma2 = sigma(fit)^2, theta = named(getME(fit, "theta")),
              joint_satterthwaite = list(F = f[["F value"]], ndf = f$NumDF, ddf = f$DenDF, p = f[["Pr(>F)"]]))
  if (reml && is.null(w)) {
    kr <- contestMD(fit, joint, ddf = "Kenward-Roger"); adjusted <- vcovAdj(fit); test <- KRmodcomp(fit, joint)
    out$coefficients_kr <- table_of(coef(summary(fit, ddf = "Kenward-Roger")))
    out$vcov_kr <- rows_of(as.matrix(adjusted))
    out$joint_kr <- list(F = test$test["Ftest", "stat"], F_unscaled = test$test["FtestU", "stat"], scale = test$test["Ftest", "F.scaling"], ndf = test$test["Ftest", "ndf"], ddf = test$test["Ftest", "ddf"], p = test$test["Ftest", "p.value"], p_lmerTest = kr[["Pr(>F)"]])
  }
  out$closed_form <- exact(fit, joint)
  out$ranef <- random_of(fit)
  out$fitted <- I(unname(fitted(fit)))
  out
}

clinic <- read("clinic.csv"); scheduled <- read("scheduled.csv")
lists <- function(data, randoms) {
  out <- list()
  for (key in names(randoms)) for (reml in c(TRUE, FALSE)) out[[paste0(key, if (reml) "_reml" else "_ml")]] <- caught(entry(data, randoms[[key]], reml))
  out
}
one <- c(intercept = "(1 | id)", slope = "(time | id)", uncorrelated = "(time || id)")
two <- c(one, intercept_site = "(1 | id) + (1 | site)", slope_site = "(time | id) + (1 | site)", uncorrelated_site = "(time || id) + (1 | site)")
on_clinic <- lists(clinic, two)
on_clinic$intercept_weighted_reml <- caught(entry(clinic, one[["intercept"]], TRUE, clinic$w))
on_clinic$slope_weighted_reml <- caught(entry(clinic, one[["slope"]], TRUE, clinic$w))
note <- "logLik of REML as lme4; BIC with log(n_obs); joint = rows arm and arm:time; covariance_vcov and closed_form$covariance: lower triangle of each term in the order of covariance, then sigma2"
write(list(versions = versions("lme4", "lmerTest", "pbkrtest", "numDeriv"), note = note, clinic = on_clinic, scheduled = lists(scheduled, one)), "lmm.json")

# Estimates on the boundary
edge <- function(file, random, without) {
  data <- read(file); out <- list(file = file)
  for (reml in c(TRUE, FALSE)) {
    one <- function(r) {
      f <- as.formula(paste("y ~ base + arm * time", if (nzchar(r)) paste("+", r)))
      if (!nzchar(r)) { m <- lm(f, data); s <- if (reml) sigma(m) else sqrt(mean(residuals(m)^2)); return(list(formula = paste(deparse(f), collapse = " "), logLik = as.numeric(logLik(m, REML = reml)), estimate = I(unname(coef(m))), se = I(unname(sqrt(diag(vcov(m))) * s / sigma(m))), sigma2 = s^2, df = df.residual(m), singular = FALSE)) }
      m <- lmer_tight(f, data, REML = reml)
      list(formula = paste(deparse(f), collapse = " "), logLik = as.numeric(logLik(m)), term = I(names(fixef(m))), estimate = I(unname(fixef(m))), se = I(unname(sqrt(diag(as.matrix(vcov(m)))))),
           covariance = covariance_of(m), correlation = lapply(VarCorr(m), function(v) rows_of(unname(attr(v, "correlation")))), sigma2 = sigma(m)^2, theta = named(getME(m, "theta")), singular = isSingular(m), max_abs_gradient_theta_free = attr(m, "max_abs_gradient"),
           closed_form = if (!isSingular(m)) exact(m),
           satterthwaite = caught(I(unname(suppressMessages(suppressWarnings(coef(summary(m))[, "df"]))))),
           kenward_roger = if (reml) caught({ k <- suppressMessages(suppressWarnings(coef(summary(m, ddf = "Kenward-Roger")))); list(se = I(unname(k[, "Std. Error"])), df = I(unname(k[, "df"]))) }))
    }
    out[[if (reml) "reml" else "ml"]] <- list(full = caught(one(random)), without = caught(one(without)))
  }
  out
}
write(list(versions = versions("lme4", "lmerTest", "pbkrtest", "numDeriv"),
           note = "full: the model whose optimum lies on the boundary; without: the model without the term (lm where no random term is left)",
           boundary = list(zero_slope = edge("zero_slope.csv", "(time || id)", "(1 | id)"), zero_slope_correlated = edge("zero_slope.csv", "(time | id)", "(1 | id)"),
                           perfect_correlation = edge("perfect_correlation.csv", "(time | id)", "(1 | id)"), zero_intercept = edge("zero_intercept.csv", "(1 | id)", ""),
                           zero_site = edge("zero_site.csv", "(time | id) + (1 | site)", "(time | id)"))), "boundary.json")
