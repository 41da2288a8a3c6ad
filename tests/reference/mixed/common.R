# Shared by the make.R of the folders beside this file: tight optima, exact degrees of freedom, JSON.
suppressMessages({library(lme4); library(lmerTest); library(pbkrtest); library(numDeriv); library(jsonlite)})

# Derivatives with steps of one absolute size (numDeriv's are relative, and drown in rounding at small parameters).
slope <- function(f, x) grad(function(u) f(x + u - 1), rep(1, length(x)), method.args = list(d = 1e-3))
bend <- function(f, x) hessian(function(u) f(x + u - 1), rep(1, length(x)), method.args = list(d = 1e-2))
# Newton steps with Richardson gradients on the parameters off their bounds, while the gradient still falls.
newton <- function(fn, par, lower = rep(-Inf, length(par)), rounds = 12) {
  free <- par > lower + 1e-7
  value <- fn(par)
  if (!any(free)) return(list(par = par, value = value, gradient = 0))
  f <- function(x) { full <- par; full[free] <- x; fn(full) }
  x <- par[free]; g <- slope(f, x)
  for (k in seq_len(rounds)) {
    step <- try(solve(bend(f, x), g), silent = TRUE)
    if (inherits(step, "try-error")) break
    new <- x - step
    if (any(new <= lower[free])) break
    gn <- try(slope(f, new), silent = TRUE)
    if (inherits(gn, "try-error") || max(abs(gn)) >= max(abs(g))) break
    x <- new; g <- gn
  }
  par[free] <- x
  list(par = par, value = fn(par), gradient = max(abs(g)))
}

# The optimiser handed to lmer: bobyqa, nlminb, then Newton. `last_gradient` is that of the deviance (-2 log L) in theta.
last_gradient <- NA
polish <- function(fn, par, lower, upper, control) {
  first <- nloptr::nloptr(par, fn, lb = lower, ub = upper,
                          opts = list(algorithm = "NLOPT_LN_BOBYQA", xtol_abs = 1e-10, ftol_abs = 1e-14, maxeval = 1e5))
  start <- pmax(first$solution, lower)
  start[is.finite(lower) & start < lower + 1e-6] <- 0
  second <- nlminb(start, fn, lower = lower, upper = upper, control = list(rel.tol = 1e-15, x.tol = 1e-12, iter.max = 1e4, eval.max = 1e5))
  best <- if (second$objective <= first$objective + 1e-9) second$par else start
  best[is.finite(lower) & best < lower + 1e-6] <- 0
  third <- newton(fn, best, lower)
  last_gradient <<- third$gradient
  list(par = third$par, fval = third$value, conv = 0, message = "polished", feval = NA)
}
tight <- lmerControl(optimizer = polish, calc.derivs = FALSE, check.conv.singular = "ignore")
lmer_tight <- function(formula, data, REML = TRUE, ...) {
  fit <- do.call(lmerTest::lmer, list(formula, data = data, REML = REML, control = tight, ...))
  attr(fit, "max_abs_gradient") <- last_gradient
  fit
}

named <- function(x) as.list(setNames(as.numeric(x), names(x)))
rows_of <- function(m) lapply(seq_len(nrow(m)), function(i) I(unname(m[i, ])))  # a matrix as a list of its rows
table_of <- function(matrix) {  # a summary table: columns by name, the terms beside them
  c(list(term = I(rownames(matrix))), lapply(as.list(as.data.frame(unclass(matrix))), I))
}

# V and its derivatives by the elements of every random-effect covariance and by sigma^2 (V is linear in them).
pieces <- function(fit) {
  zt <- getME(fit, "Ztlist"); cnms <- getME(fit, "cnms"); vc <- VarCorr(fit)
  at <- 0; d <- list(); value <- c()
  for (k in seq_along(cnms)) {
    columns <- cnms[[k]]; g <- matrix(as.numeric(vc[[k]]), length(columns))
    for (i in seq_along(columns)) for (j in seq_len(i)) {
      a <- as.matrix(t(zt[[at + i]])); b <- as.matrix(t(zt[[at + j]]))
      d[[length(d) + 1]] <- if (i == j) a %*% t(a) else a %*% t(b) + b %*% t(a)
      value <- c(value, g[i, j])
    }
    at <- at + length(columns)
  }
  d[[length(d) + 1]] <- diag(1 / weights(fit)); value <- c(value, sigma(fit)^2)
  list(v = Reduce(`+`, Map(`*`, d, value)), d = d, value = value)
}

# Satterthwaite and Kenward-Roger by their closed formulas at the fitted V (no finite differences).
exact <- function(fit, joint = NULL, rows = NULL) {  # joint: rows tested together; rows: linear functions one by one
  x <- unname(getME(fit, "X")); y <- getME(fit, "y"); p <- pieces(fit); q <- length(p$d)
  vi <- solve(p$v); phi <- solve(t(x) %*% vi %*% x); proj <- vi - vi %*% x %*% phi %*% t(x) %*% vi
  pd <- lapply(p$d, function(d) proj %*% d); vd <- lapply(p$d, function(d) vi %*% d)
  e <- proj %*% y; tr <- function(a, b) sum(a * t(b))
  pair <- function(f) outer(seq_len(q), seq_len(q), Vectorize(f))
  inner <- if (isREML(fit)) pd else vd
  observed <- pair(function(i, j) -tr(inner[[i]], inner[[j]]) + 2 * sum((p$d[[i]] %*% e) * (proj %*% (p$d[[j]] %*% e))))  # of -2 log L
  score <- sapply(seq_len(q), function(i) sum(diag(inner[[i]])) - sum(e * (p$d[[i]] %*% e)))
  a <- 2 * solve(observed)
  xd <- lapply(p$d, function(d) t(x) %*% vi %*% d %*% vi %*% x)  # minus P_i of Kenward and Roger
  satterthwaite <- function(l) { g <- sapply(xd, function(m) sum(l * (phi %*% m %*% phi %*% l))); 2 * sum(l * (phi %*% l))^2 / sum(g * (a %*% g)) }
  w <- 2 * solve(pair(function(i, j) tr(pd[[i]], pd[[j]])))
  adjust <- 0
  for (i in seq_len(q)) for (j in seq_len(q)) adjust <- adjust + w[i, j] * (t(x) %*% vi %*% p$d[[i]] %*% vi %*% p$d[[j]] %*% vi %*% x - xd[[i]] %*% phi %*% xd[[j]])
  adjusted <- phi + 2 * phi %*% adjust %*% phi
  kr <- function(l) {  # rows of l tested together: the denominator df and the scaling of F
    l <- t(l); r <- ncol(l); theta <- l %*% solve(t(l) %*% phi %*% l) %*% t(l)
    t1 <- lapply(xd, function(m) theta %*% phi %*% m %*% phi)
    a1 <- sum(w * pair(function(i, j) sum(diag(t1[[i]])) * sum(diag(t1[[j]])))); a2 <- sum(w * pair(function(i, j) tr(t1[[i]], t1[[j]])))
    b <- (a1 + 6 * a2) / (2 * r); g <- ((r + 1) * a1 - (r + 4) * a2) / ((r + 2) * a2); den <- 3 * r + 2 * (1 - g)
    c1 <- g / den; c2 <- (r - g) / den; c3 <- (r + 2 - g) / den
    es <- 1 / (1 - a2 / r); vs <- 2 / r * (1 + c1 * b) / ((1 - c2 * b)^2 * (1 - c3 * b))
    rho <- vs / (2 * es^2); m <- 4 + (r + 2) / (r * rho - 1)
    c(df = m, scale = m / (es * (m - 2)))
  }
  one <- diag(ncol(x)); beta <- as.vector(phi %*% t(x) %*% vi %*% y)
  out <- list(covariance = I(p$value), max_abs_scaled_score = max(abs(score * p$value)),
              satterthwaite_df = I(sapply(seq_len(ncol(x)), function(i) satterthwaite(one[i, ]))), covariance_vcov = rows_of(a))
  if (isREML(fit)) out <- c(out, list(kr_se = I(sqrt(diag(adjusted))), kr_df = I(sapply(seq_len(ncol(x)), function(i) kr(one[i, , drop = FALSE])[["df"]])), kr_vcov = rows_of(adjusted)))
  if (!is.null(rows)) {
    out <- list(estimate = I(as.vector(rows %*% beta)), satterthwaite_se = I(sqrt(rowSums((rows %*% phi) * rows))), satterthwaite_df = I(apply(rows, 1, satterthwaite)))
    if (isREML(fit)) out <- c(out, list(kr_se = I(sqrt(rowSums((rows %*% adjusted) * rows))), kr_df = I(apply(rows, 1, function(l) kr(t(l))[["df"]]))))
  }
  if (!is.null(joint)) {
    mid <- eigen(joint %*% phi %*% t(joint), symmetric = TRUE); l <- t(mid$vectors) %*% joint; k <- nrow(joint)
    nu <- apply(l, 1, satterthwaite); t2 <- as.vector((l %*% beta)^2 / mid$values); s <- sum(nu / (nu - 2))
    f <- sum(t2) / k
    ddf <- if (k == 1) nu else if (all(abs(diff(nu)) < 1e-8)) mean(nu) else 2 * s / (s - k)
    out$joint_satterthwaite <- list(F = f, ndf = k, ddf = ddf, p = pf(f, k, ddf, lower.tail = FALSE))
    if (isREML(fit)) {
      m <- kr(joint); c <- joint %*% beta; f <- sum(c * solve(joint %*% adjusted %*% t(joint), c)) / k
      out$joint_kr <- list(F = f * m[["scale"]], F_unscaled = f, scale = m[["scale"]], ndf = k, ddf = m[["df"]], p = pf(f * m[["scale"]], k, m[["df"]], lower.tail = FALSE))
    }
  }
  out
}

caught <- function(expr) tryCatch(expr, error = function(e) list(error = conditionMessage(e)))
versions <- function(...) c(list(R = R.version.string), sapply(c(...), function(p) as.character(packageVersion(p)), simplify = FALSE))
write <- function(x, file) {  # one line for each entry of the second level
  text <- lapply(names(x), function(key) {
    inner <- x[[key]]
    body <- if (is.list(inner) && !is.null(names(inner))) paste0("{\n", paste0("  ", sapply(names(inner), toJSON, auto_unbox = TRUE), ": ", sapply(inner, toJSON, digits = NA, auto_unbox = TRUE, na = "null", null = "null"), collapse = ",\n"), "\n }")
            else toJSON(inner, digits = NA, auto_unbox = TRUE, na = "null", null = "null")
    paste0(" ", toJSON(key, auto_unbox = TRUE), ": ", body)
  })
  writeLines(paste0("{\n", paste(text, collapse = ",\n"), "\n}"), file)
}
