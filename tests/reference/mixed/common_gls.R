# gls and lme at a polished optimum. Sourced after common.R.
suppressMessages(library(nlme))

# gls fitted, then its own likelihood (gls's structure) taken by Newton to the optimum, then gls evaluated there without a step.
# `structure(corr, var)` builds the two arguments from starting values (NULL: nlme's own).
gls_tight <- function(formula, data, group, structure, reml = TRUE) {
  data <- data[order(data[[group]]), ]  # gls sorts by group too
  method <- if (reml) "REML" else "ML"
  run <- function(args, ...) do.call(gls, c(list(model = formula, data = data, method = method, control = glsControl(...)), args))
  loose <- function(args) {
    a <- try(run(args, opt = "nlminb", maxIter = 500, msMaxIter = 2000, tolerance = 1e-12, msTol = 1e-14), silent = TRUE)
    b <- try(run(args, opt = "optim", optimMethod = "BFGS", maxIter = 500, msMaxIter = 2000, tolerance = 1e-12, msTol = 1e-14), silent = TRUE)
    good <- Filter(function(x) !inherits(x, "try-error"), list(a, b))
    if (!length(good)) stop(conditionMessage(attr(a, "condition")))
    good[[which.max(sapply(good, logLik))]]
  }
  first <- loose(structure(NULL, NULL))
  values <- function(st) list(if (is.null(st$corStruct)) NULL else coef(st$corStruct, unconstrained = FALSE), if (is.null(st$varStruct)) NULL else coef(st$varStruct, unconstrained = FALSE))
  objective <- function(args) {
    mf <- model.frame(formula, data); x <- model.matrix(formula, data); y <- model.response(mf)
    st <- glsStruct(corStruct = args$correlation, varStruct = args$weights)
    attr(st, "conLin") <- list(Xy = array(c(x, y), c(nrow(x), ncol(x) + 1), list(rownames(data), c(colnames(x), "y"))), dims = list(N = nrow(x), p = ncol(x), REML = as.integer(reml)), logLik = 0, sigma = 0, fixedSigma = FALSE)
    attr(st, "fixedSigma") <- FALSE
    st <- Initialize(st, data, glsControl())
    list(st = st, f = function(p) -2 * as.numeric(logLik(st, p)))
  }
  v <- values(first$modelStruct); o <- objective(structure(v[[1]], v[[2]])); gradient <- NA
  if (length(coef(o$st))) {
    par <- nlminb(c(coef(o$st)), o$f, control = list(rel.tol = 1e-15, x.tol = 1e-12))$par
    best <- newton(o$f, par); gradient <- best$gradient
    st <- o$st; coef(st) <- best$par; v <- values(st)
  }
  fit <- run(structure(v[[1]], v[[2]]), opt = "nlminb", maxIter = 50, msMaxIter = 200)
  if (length(coef(o$st))) {
    moved <- max(abs(coef(fit$modelStruct) - coef(st)))  # a step of nlminb from the optimum: none, or within its rounding
    attr(fit, "moved") <- moved; gradient <- max(abs(slope(o$f, c(coef(fit$modelStruct)))))
  }
  stopifnot(as.numeric(logLik(fit)) >= as.numeric(logLik(first)) - 1e-7)
  attr(fit, "max_abs_gradient") <- gradient; attr(fit, "first_logLik") <- as.numeric(logLik(first))
  fit
}

# The fitted covariance over the visits 1..m, from correlation structure and standard deviation ratios
sigma_of <- function(fit, index, visits) {
  d <- getData(fit); d$.k <- as.integer(d[[index]])
  m <- length(visits); s <- matrix(NA_real_, m, m)
  corr <- corMatrix(fit$modelStruct$corStruct); groups <- split(d$.k, getGroups(fit))
  ratio <- if (is.null(fit$modelStruct$varStruct)) rep(1, nrow(d)) else 1 / varWeights(fit$modelStruct$varStruct)
  sd <- setNames(fit$sigma * ratio, d$.k); sd <- sapply(seq_len(m), function(k) sd[[as.character(k)]])
  for (g in names(groups)) s[groups[[g]], groups[[g]]] <- as.matrix(corr[[g]])
  s * outer(sd, sd)
}
gls_entry <- function(fit, sigma = NULL) {
  ll <- logLik(fit)
  n <- fit$dims$N; v <- as.matrix(fit$varBeta) * if (fit$method == "REML") 1 else (n - fit$dims$p) / n  # gls's own vcov under ML is that of sigma^2 with divisor n - p
  out <- list(formula = paste(deparse(formula(fit)), collapse = " "), reml = fit$method == "REML", n_obs = fit$dims$N, logLik = as.numeric(ll), df_model = attr(ll, "df"), AIC = AIC(fit),
              max_abs_gradient = attr(fit, "max_abs_gradient"), moved = attr(fit, "moved"), gain_over_gls = as.numeric(ll) - attr(fit, "first_logLik"),
              term = I(names(coef(fit))), estimate = I(unname(coef(fit))), se = I(unname(sqrt(diag(v)))), vcov = rows_of(unname(v)), se_nlme = I(unname(sqrt(diag(as.matrix(fit$varBeta))))), sigma = fit$sigma)
  if (!is.null(fit$modelStruct$corStruct)) out$correlation_parameters <- I(unname(coef(fit$modelStruct$corStruct, unconstrained = FALSE)))
  if (!is.null(fit$modelStruct$varStruct)) out$sd_ratios <- named(coef(fit$modelStruct$varStruct, unconstrained = FALSE, allCoef = TRUE))
  if (!is.null(sigma)) out$Sigma <- rows_of(unname(sigma))
  out
}
