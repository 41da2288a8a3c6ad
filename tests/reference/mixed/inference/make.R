# Inference after a fit: least-squares means, contrasts, likelihood ratios.
# Run in this folder: Rscript make.R; writes inference.json. Random intercept fits by lmer, so that emmeans has everything it needs.
source("../common.R")
suppressMessages(library(emmeans))
emm_options(pbkrtest.limit = 5000, lmerTest.limit = 5000)

text <- function(file, arms) {
  d <- read.csv(file, na.strings = "", stringsAsFactors = FALSE)  # the region "NA" is text
  d$arm <- factor(d$arm, levels = arms)
  d
}
clinic <- text("../lmm/clinic.csv", c("placebo", "ketamine"))
scheduled <- text("../lmm/scheduled.csv", c("placebo", "ketamine")); scheduled$visit <- factor(scheduled$visit)
three <- text("../simulated/trial_three_arm.csv", c("placebo", "ket_low", "ket_high"))
three$visit <- factor(three$day); three$region <- factor(three$region, levels = c("EU", "NA", "ROW"), exclude = NULL)
stopifnot(!anyNA(three), nlevels(three$region) == 3)

fits <- list(
  clinic = list(formula = y ~ base + arm * time + (1 | id), data = clinic),
  scheduled = list(formula = y ~ base + arm * visit + (1 | id), data = scheduled),
  three_arm = list(formula = chg ~ base + region + arm * visit + (1 | id), data = three)
)
for (k in names(fits)) fits[[k]]$fit <- lmer_tight(fits[[k]]$formula, fits[[k]]$data)
clinic_fit <- fits$clinic$fit; scheduled_fit <- fits$scheduled$fit; three_fit <- fits$three_arm$fit

plain <- function(x) { x <- as.data.frame(x); lapply(as.list(x), function(v) I(if (is.factor(v)) as.character(v) else v)) }
shown <- function(fit, build) {  # the same grid with both df, its linear functions, and the closed formulas for them
  out <- list()
  for (df in c("satterthwaite", "kenward-roger")) {
    grid <- build(df)
    out[[df]] <- plain(summary(grid, infer = c(TRUE, TRUE), adjust = "none"))
  }
  l <- unname(grid@linfct)
  out$linfct <- rows_of(l)
  out$closed_form <- exact(fit, rows = l)
  out
}
em <- function(fit, specs, ...) function(df) emmeans(fit, specs, lmer.df = df, ...)
con <- function(build, method, ...) function(df) contrast(build(df), method, ..., adjust = "none")

means <- list(); tests <- list()
add <- function(name, fit, build) means[[name]] <<- caught(shown(fit, build))

add("clinic_arm_time_base30", clinic_fit, em(clinic_fit, ~ arm * time, at = list(base = 30, time = c(0, 4, 12, 24))))
add("clinic_contrast_time_base30", clinic_fit, con(em(clinic_fit, ~ arm | time, at = list(base = 30, time = c(0, 4, 12, 24))), "trt.vs.ctrl"))
add("scheduled_arm_visit", scheduled_fit, em(scheduled_fit, ~ arm * visit))
add("scheduled_arm_visit_base30", scheduled_fit, em(scheduled_fit, ~ arm * visit, at = list(base = 30)))
add("scheduled_contrast_visit", scheduled_fit, con(em(scheduled_fit, ~ arm | visit), "trt.vs.ctrl"))
add("scheduled_contrast_average", scheduled_fit, con(em(scheduled_fit, ~ arm, weights = "equal"), "trt.vs.ctrl"))
for (w in c("equal", "proportional", "outer", "cells")) {
  add(paste0("three_arm_visit_", w), three_fit, em(three_fit, ~ arm * visit, weights = w))
  add(paste0("three_arm_", w), three_fit, em(three_fit, ~ arm, weights = w))
  add(paste0("three_region_", w), three_fit, em(three_fit, ~ region, weights = w))
}
add("three_arm_visit_base30", three_fit, em(three_fit, ~ arm * visit, at = list(base = 30)))
add("three_contrast_visit", three_fit, con(em(three_fit, ~ arm | visit), "trt.vs.ctrl"))
add("three_pairwise_visit", three_fit, con(em(three_fit, ~ arm | visit), "pairwise"))
add("three_revpairwise_visit", three_fit, con(em(three_fit, ~ arm | visit), "revpairwise"))
add("three_contrast_average_equal", three_fit, con(em(three_fit, ~ arm, weights = "equal"), "trt.vs.ctrl"))
add("three_contrast_average_proportional", three_fit, con(em(three_fit, ~ arm, weights = "proportional"), "trt.vs.ctrl"))
add("three_pairwise_average", three_fit, con(em(three_fit, ~ arm, weights = "equal"), "pairwise"))
add("three_pairwise_all", three_fit, con(em(three_fit, ~ arm * visit), "pairwise"))

for (k in names(fits)) {
  fit <- fits[[k]]$fit; out <- list()
  for (df in c("satterthwaite", "kenward-roger")) {
    out[[df]] <- list(joint_tests = plain(joint_tests(ref_grid(fit, lmer.df = df))))
    if (k != "clinic") out[[df]]$joint_tests_by_visit <- plain(joint_tests(ref_grid(fit, lmer.df = df), by = "visit"))
    a <- anova(fit, type = 3, ddf = c(satterthwaite = "Satterthwaite", "kenward-roger" = "Kenward-Roger")[[df]])
    out[[df]]$lmerTest_type3 <- c(list(term = I(rownames(a))), plain(as.data.frame(a)))
  }
  term <- names(fixef(fit)); pick <- function(rows) diag(length(term))[rows, , drop = FALSE]
  interaction <- pick(grepl("^arm.*:", term)); arms <- pick(grepl("^arm", term))
  out$closed_form <- list(interaction = exact(fit, joint = interaction)[c("joint_satterthwaite", "joint_kr")], arm_and_interaction = exact(fit, joint = arms)[c("joint_satterthwaite", "joint_kr")])
  ks <- KRmodcomp(fit, interaction)$test
  out$pbkrtest_interaction <- list(F = ks["Ftest", "stat"], ndf = ks["Ftest", "ndf"], ddf = ks["Ftest", "ddf"], p = ks["Ftest", "p.value"])
  if (k != "clinic") {
    visits <- levels(fits[[k]]$data$visit); grid <- contrast(emmeans(fit, ~ arm | visit), "trt.vs.ctrl"); l <- unname(grid@linfct); m <- nrow(l) / length(visits)
    out$closed_form$arm_at_visit <- setNames(lapply(seq_along(visits), function(v) exact(fit, joint = l[(v - 1) * m + seq_len(m), , drop = FALSE])[c("joint_satterthwaite", "joint_kr")]), visits)
    out$closed_form$arm_averaged <- exact(fit, joint = unname(contrast(emmeans(fit, ~ arm), "trt.vs.ctrl")@linfct))[c("joint_satterthwaite", "joint_kr")]
  }
  tests[[k]] <- out
}

# --- likelihood ratios ----------------------------------------------------------------------------
mixture <- function(s, q) { up <- function(d) if (d == 0) as.numeric(s <= 0) else pchisq(s, d, lower.tail = FALSE); 0.5 * up(q) + 0.5 * up(q + 1) }
ratio <- function(data, big, little, q, reml) {
  value <- function(r) { f <- as.formula(paste("y ~ base + arm * time", if (nzchar(r)) paste("+", r))); if (nzchar(r)) as.numeric(logLik(lmer_tight(f, data, REML = reml))) else as.numeric(logLik(lm(f, data), REML = reml)) }
  a <- value(big); b <- value(little); s <- 2 * (a - b); if (abs(s) < 1e-9) s <- 0
  list(full = big, without = if (nzchar(little)) little else "lm", reml = reml, logLik_full = a, logLik_without = b, statistic = s, q = q, p_mixture = mixture(s, q), p_chi_square = pchisq(s, q + 1, lower.tail = FALSE))
}
edge <- function(file) text(file.path("../lmm", file), c("placebo", "ketamine"))
plan <- list(
  clinic_intercept = list(clinic, "(1 | id)", "", 0), clinic_slope = list(clinic, "(time | id)", "(1 | id)", 1), clinic_slope_uncorrelated = list(clinic, "(time || id)", "(1 | id)", 0),
  clinic_site = list(clinic, "(1 | id) + (1 | site)", "(1 | id)", 0), clinic_site_beside_slope = list(clinic, "(time | id) + (1 | site)", "(time | id)", 0), clinic_slope_beside_site = list(clinic, "(time | id) + (1 | site)", "(1 | id) + (1 | site)", 1),
  scheduled_intercept = list(scheduled, "(1 | id)", "", 0), scheduled_slope = list(scheduled, "(time | id)", "(1 | id)", 1), scheduled_slope_uncorrelated = list(scheduled, "(time || id)", "(1 | id)", 0),
  zero_intercept = list(edge("zero_intercept.csv"), "(1 | id)", "", 0), zero_slope = list(edge("zero_slope.csv"), "(time || id)", "(1 | id)", 0), zero_slope_correlated = list(edge("zero_slope.csv"), "(time | id)", "(1 | id)", 1), zero_site = list(edge("zero_site.csv"), "(time | id) + (1 | site)", "(time | id)", 0))
lrt <- list()
for (k in names(plan)) for (reml in c(TRUE, FALSE)) lrt[[paste0(k, if (reml) "_reml" else "_ml")]] <- do.call(ratio, c(plan[[k]], reml))
fixed <- list()
drop_terms <- function(name, data, full, little) {
  a <- lmer_tight(full, data, REML = FALSE); b <- lmer_tight(little, data, REML = FALSE); t <- anova(b, a, refit = FALSE)
  fixed[[name]] <<- list(full = paste(deparse(full), collapse = " "), without = paste(deparse(little), collapse = " "), logLik_full = as.numeric(logLik(a)), logLik_without = as.numeric(logLik(b)), statistic = t$Chisq[2], df = t$Df[2], p = t[["Pr(>Chisq)"]][2])
}
for (r in c("(1 | id)", "(time | id)")) for (d in c("clinic", "scheduled")) {
  f <- function(x) as.formula(paste("y ~", x, "+", r)); data <- get(d); key <- paste0(d, if (r == "(1 | id)") "_intercept" else "_slope")
  drop_terms(paste0(key, "_without_interaction"), data, f("base + arm * time"), f("base + arm + time"))
  drop_terms(paste0(key, "_without_arm"), data, f("base + arm * time"), f("base + time"))
}
drop_terms("three_arm_without_interaction", three, chg ~ base + region + arm * visit + (1 | id), chg ~ base + region + arm + visit + (1 | id))
drop_terms("three_arm_without_arm", three, chg ~ base + region + arm * visit + (1 | id), chg ~ base + region + visit + (1 | id))

described <- lapply(fits, function(f) list(formula = paste(deparse(f$formula), collapse = " "), terms = I(names(fixef(f$fit))), estimate = I(unname(fixef(f$fit))), vcov = rows_of(as.matrix(unname(vcov(f$fit)))), vcov_kr = rows_of(unname(as.matrix(vcovAdj(f$fit)))),
                                            logLik = as.numeric(logLik(f$fit)), intercept_variance = as.numeric(VarCorr(f$fit)$id), sigma2 = sigma(f$fit)^2, n_obs = nobs(f$fit), mean_base = mean(f$data$base), max_abs_gradient_theta = attr(f$fit, "max_abs_gradient")))
write(list(versions = versions("lme4", "lmerTest", "pbkrtest", "emmeans"), fits = described, means = means, joint = tests, lrt_random = lrt, lrt_fixed = fixed), "inference.json")
