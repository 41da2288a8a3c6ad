# Generalised least squares by nlme. Run in this folder: Rscript make.R; writes gls.json.
source("../common.R"); source("../common_gls.R")
read <- function(file, arms) { d <- read.csv(file, na.strings = "", stringsAsFactors = FALSE); d$arm <- factor(d$arm, levels = arms); d }  # the region "NA" is text
both <- function(build) list(reml = caught(build(TRUE)), ml = caught(build(FALSE)))

us <- function(c, v) list(correlation = if (is.null(c)) corSymm(form = ~ k | id) else corSymm(c, form = ~ k | id), weights = if (is.null(v)) varIdent(form = ~ 1 | visit) else varIdent(v, form = ~ 1 | visit))
cs <- function(c, v) list(correlation = if (is.null(c)) corCompSymm(form = ~ k | id) else corCompSymm(c, form = ~ k | id))
csh <- function(c, v) c(cs(c), list(weights = if (is.null(v)) varIdent(form = ~ 1 | visit) else varIdent(v, form = ~ 1 | visit)))
ar1 <- function(c, v) list(correlation = if (is.null(c)) corAR1(form = ~ k | id) else corAR1(c, form = ~ k | id))
ar1h <- function(c, v) c(ar1(c), list(weights = if (is.null(v)) varIdent(form = ~ 1 | visit) else varIdent(v, form = ~ 1 | visit)))
exponential <- function(c, v) list(correlation = if (is.null(c)) corExp(form = ~ time | id) else corExp(c, form = ~ time | id))

fitted_by <- function(formula, data, structure) both(function(reml) {
  fit <- gls_tight(formula, data, "id", structure, reml)
  gls_entry(fit, if (!is.null(data$visit)) sigma_of(fit, "k", levels(data$visit)))
})

# --- constrained longitudinal data analysis: the baseline is a response, and its mean is common to the arms
clda <- function(file, arms) {
  d <- read(file, arms); first <- d[!duplicated(d$id), ]
  long <- rbind(data.frame(id = d$id, arm = d$arm, day = d$day, y = d$base + d$chg), data.frame(id = first$id, arm = first$arm, day = 0, y = first$base))
  long <- long[order(long$id, long$day), ]
  days <- sort(unique(long$day)); long$visit <- factor(long$day, levels = days); long$k <- match(long$day, days)
  for (v in days[-1]) long[[paste0("visit", v)]] <- as.numeric(long$day == v)
  for (a in arms[-1]) for (v in days[-1]) long[[paste0("arm", a, "_visit", v)]] <- as.numeric(long$day == v & long$arm == a)
  terms <- c(paste0("visit", days[-1]), as.vector(outer(arms[-1], days[-1], function(a, v) paste0("arm", a, "_visit", v))))
  c(list(visit = I(days), n_subjects = nrow(first)), fitted_by(reformulate(terms, "y"), long, us))
}

small <- read("../simulated/trial_small.csv", c("placebo", "ketamine")); small$visit <- factor(small$day); small$k <- as.integer(small$visit)
negative <- read("negative_cs.csv", c("placebo", "ketamine")); negative$visit <- factor(negative$visit); negative$k <- as.integer(negative$visit)
clinic <- read("../lmm/clinic.csv", c("placebo", "ketamine"))

out <- list(
  clda_trial_small = caught(clda("../simulated/trial_small.csv", c("placebo", "ketamine"))),
  clda_trial_three_arm = caught(clda("../simulated/trial_three_arm.csv", c("placebo", "ket_low", "ket_high"))),
  exponential_clinic = fitted_by(y ~ base + arm * time, clinic, exponential)
)
structures <- list(cs = cs, csh = csh, ar1 = ar1, ar1h = ar1h, us = us)
for (s in names(structures)) out[[paste0("negative_cs_", s)]] <- fitted_by(y ~ base + arm * visit, negative, structures[[s]])
for (s in names(structures)) out[[paste0("trial_small_", s)]] <- fitted_by(chg ~ base + arm * visit, small, structures[[s]])
write(list(versions = versions("nlme", "numDeriv"), fits = out), "gls.json")
