# What lme4 and nlme do with data on which a mixed model is hard or impossible. Run in this folder: Rscript make.R; writes degenerate.json.
source("../common.R"); source("../common_gls.R")
files <- c("ordinary", "one_visit_each", "empty_cell", "constant_outcome", "perfect_fit", "zero_between", "collinear", "one_in_arm", "near_singular", "tiny_scores", "huge_scores", "shifted_covariate", "twelve_visits", "never_together")
options(width = 200)

watched <- function(expr) {  # value, warnings and messages, error
  said <- c(); failed <- NULL
  value <- tryCatch(withCallingHandlers(expr, warning = function(w) { said <<- c(said, conditionMessage(w)); invokeRestart("muffleWarning") }, message = function(m) { said <<- c(said, trimws(conditionMessage(m))); invokeRestart("muffleMessage") }),
                    error = function(e) { failed <<- conditionMessage(e); NULL })
  list(value = value, warnings = I(as.character(unique(said))), error = failed)
}
number <- function(x) if (length(x) != 1 || !is.finite(x)) NULL else unname(x)
# the arms at the last visit: a linear function of the coefficients that R kept
function_of <- function(d, beta) {
  l <- setNames(rep(0, length(beta)), names(beta)); l[["armketamine"]] <- 1
  extra <- paste0("armketamine:visit", max(as.integer(levels(d$visit))))
  if (extra %in% names(l)) l[[extra]] <- 1 else attr(l, "estimable") <- FALSE
  l
}
shape <- function(d) list(n_obs = nrow(d), n_subjects = length(unique(d$id)), visits = I(levels(d$visit)))

by_lmer <- function(d, formula, fitter, closed = FALSE) {
  w <- watched({
    fit <- fitter(formula, d); l <- function_of(d, fixef(fit)); estimate <- sum(l * fixef(fit)); se <- sqrt(sum(l * (as.matrix(vcov(fit)) %*% l)))
    df <- tryCatch(contest1D(as(fit, "lmerModLmerTest"), l)$df, error = function(e) NULL)
    list(n_coefficients = length(fixef(fit)), dropped = I(setdiff(colnames(model.matrix(nobars(formula), d)), names(fixef(fit)))), logLik = number(as.numeric(logLik(fit))), intercept_variance = number(as.numeric(VarCorr(fit)$id)), sigma2 = number(sigma(fit)^2), singular = isSingular(fit),
         contrast_estimable = is.null(attr(l, "estimable")), estimate = number(estimate), se = number(se), df = number(df), estimate_ok = is.finite(estimate) && is.finite(se),
         closed_form = if (closed) tryCatch(lapply(exact(fit, rows = t(as.numeric(l))), as.numeric), error = function(e) list(error = conditionMessage(e))))
  })
  c(list(returned = !is.null(w$value), error = w$error, warnings = w$warnings), w$value)
}
by_gls <- function(d, formula) {
  w <- watched({
    fit <- gls(formula, d, correlation = corSymm(form = ~ k | id), weights = varIdent(form = ~ 1 | visit), method = "REML", control = glsControl(maxIter = 500, msMaxIter = 2000, tolerance = 1e-10, msTol = 1e-12))
    l <- function_of(d, coef(fit)); estimate <- sum(l * coef(fit)); se <- sqrt(sum(l * (fit$varBeta %*% l)))
    list(n_coefficients = length(coef(fit)), logLik = number(as.numeric(logLik(fit))), sigma2 = number(fit$sigma^2), sd_ratios = named(coef(fit$modelStruct$varStruct, unconstrained = FALSE, allCoef = TRUE)), correlations = I(unname(coef(fit$modelStruct$corStruct, unconstrained = FALSE))),
         contrast_estimable = is.null(attr(l, "estimable")), estimate = number(estimate), se = number(se), estimate_ok = is.finite(estimate) && is.finite(se))
  })
  c(list(returned = !is.null(w$value), error = w$error, warnings = w$warnings), w$value)
}

out <- list()
for (f in files) {
  d <- read.csv(paste0(f, ".csv"), stringsAsFactors = FALSE)
  d$arm <- factor(d$arm, levels = c("placebo", "ketamine")); d$visit <- factor(d$visit); d$k <- as.integer(d$visit); d <- d[order(d$id, d$k), ]
  fixed <- if (is.null(d$base2)) y ~ base + arm * visit else y ~ base + base2 + arm * visit
  random <- update(fixed, . ~ . + (1 | id))
  out[[f]] <- c(shape(d), list(lmer_default = by_lmer(d, random, function(a, b) lmerTest::lmer(a, b)), lmer_tight = by_lmer(d, random, function(a, b) lmer_tight(a, b), closed = TRUE), gls_unstructured = by_gls(d, fixed)))
}
write(list(versions = versions("lme4", "lmerTest", "nlme"), sets = out), "degenerate.json")
