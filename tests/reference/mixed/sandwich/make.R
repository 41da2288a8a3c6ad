# Cluster-robust covariance by clubSandwich. Run in this folder: Rscript make.R; writes sandwich.json.
source("../common.R"); source("../common_gls.R")
suppressMessages(library(clubSandwich))
read <- function(file, arms) { d <- read.csv(file, na.strings = "", stringsAsFactors = FALSE); d$arm <- factor(d$arm, levels = arms); d }  # the region "NA" is text
clinic <- read("../lmm/clinic.csv", c("placebo", "ketamine")); clinic$id <- factor(clinic$id)
small <- read("../simulated/trial_small.csv", c("placebo", "ketamine")); small$visit <- factor(small$day); small$k <- as.integer(small$visit)
negative <- read("../gls/negative_cs.csv", c("placebo", "ketamine")); negative$visit <- factor(negative$visit); negative$k <- as.integer(negative$visit)

# lme given the polished lmer estimate as its start, and no step from there
lme_at <- function(random, lmer_formula) {
  m <- lmer_tight(lmer_formula, clinic); g <- matrix(as.numeric(VarCorr(m)$id), nrow(VarCorr(m)$id)) / sigma(m)^2
  start <- list(id = pdSymm(g, form = random, nam = colnames(VarCorr(m)$id), data = clinic))
  fit <- suppressWarnings(do.call(lme, list(fixed = y ~ base + arm * time, data = clinic, random = start, method = "REML", control = lmeControl(opt = "nlminb", maxIter = 200, msMaxIter = 500, niterEM = 0, tolerance = 1e-12, msTol = 1e-14, returnObject = TRUE))))
  attr(fit, "lmer_logLik") <- as.numeric(logLik(m)); attr(fit, "far") <- max(abs(matrix(as.numeric(getVarCov(fit)), nrow(g)) / (g * sigma(m)^2) - 1), abs(fit$sigma / sigma(m) - 1), abs(fixef(fit) / fixef(m) - 1))
  fit
}
robust <- function(fit, cluster) {
  terms <- if (inherits(fit, "lme")) names(fixef(fit)) else names(coef(fit))
  out <- list(logLik = as.numeric(logLik(fit)), term = I(terms), estimate = I(unname(if (inherits(fit, "lme")) fixef(fit) else coef(fit))), clusters = length(unique(cluster)))
  for (type in c("CR0", "CR1", "CR2", "CR3")) {
    v <- vcovCR(fit, cluster = cluster, type = type); t <- as.data.frame(coef_test(fit, vcov = v, test = "Satterthwaite"))
    out[[type]] <- list(vcov = rows_of(unname(as.matrix(v))), se = I(t$SE), df = I(t[[grep("^df", names(t))[1]]]), p = I(t[[grep("^p", names(t))[1]]]))
  }
  v <- if (inherits(fit, "lme")) vcov(fit) else fit$varBeta  # the working covariance
  out$model_vcov <- rows_of(unname(as.matrix(v)))
  out
}
lme_robust <- function(random, formula) { fit <- lme_at(random, formula); c(list(formula = paste(deparse(formula), collapse = " "), lmer_logLik = attr(fit, "lmer_logLik"), largest_relative_difference_from_lmer = attr(fit, "far")), robust(fit, clinic$id)) }
structure_of <- function(correlation, weights) function(c, v) c(list(correlation = correlation(c)), if (!is.null(weights)) list(weights = weights(v)))
us <- structure_of(function(c) if (is.null(c)) corSymm(form = ~ k | id) else corSymm(c, form = ~ k | id), function(v) if (is.null(v)) varIdent(form = ~ 1 | visit) else varIdent(v, form = ~ 1 | visit))
csh <- structure_of(function(c) if (is.null(c)) corCompSymm(form = ~ k | id) else corCompSymm(c, form = ~ k | id), function(v) if (is.null(v)) varIdent(form = ~ 1 | visit) else varIdent(v, form = ~ 1 | visit))
ar1 <- structure_of(function(c) if (is.null(c)) corAR1(form = ~ k | id) else corAR1(c, form = ~ k | id), NULL)
gls_robust <- function(formula, data, structure) {
  data <<- data <- data[order(data$id), ]; fit <- gls_tight(formula, data, "id", structure); fit$call$data <- quote(data)  # clubSandwich evaluates the call
  c(list(formula = paste(deparse(formula), collapse = " "), max_abs_gradient = attr(fit, "max_abs_gradient"), Sigma = rows_of(unname(sigma_of(fit, "k", levels(data$visit))))), robust(fit, data$id))
}
data <- NULL
fits <- list(
  clinic_intercept = caught(lme_robust(~ 1, y ~ base + arm * time + (1 | id))),
  clinic_slope = caught(lme_robust(~ time, y ~ base + arm * time + (time | id))),
  trial_small_us = caught(gls_robust(chg ~ base + arm * visit, small, us)),
  negative_cs_ar1 = caught(gls_robust(y ~ base + arm * visit, negative, ar1)),
  negative_cs_csh = caught(gls_robust(y ~ base + arm * visit, negative, csh))
)
write(list(versions = versions("nlme", "clubSandwich", "lme4"), fits = fits), "sandwich.json")
