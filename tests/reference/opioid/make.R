# Reference values for CTN-0027 from the public files, which are not kept here.
# Run in this folder: KETAOUTCOMES_SHARED=<folder that holds data/ctn0027_0030_oud> Rscript make.R; writes expected.json.
suppressMessages({library(survival); library(jsonlite)})

folder <- file.path(Sys.getenv("KETAOUTCOMES_SHARED"), "data", "ctn0027_0030_oud")
rows <- read.csv(file.path(folder, "outcomes_ctnote.csv"))
rows <- rows[rows$project == 27 & !is.na(rows$treatment), ]
rows$arm <- factor(rows$treatment, levels = c("Methadone", "Outpatient BUP"))
stopifnot(!anyNA(rows$arm))
rows$time <- rows$RsT_ctnNinetyFour_2023
rows$event <- rows$RsE_ctnNinetyFour_2023
fit <- coxph(Surv(time, event) ~ arm, rows, ties = "efron", control = coxph.control(eps = 1e-13, toler.chol = 1e-14, iter.max = 100))
curves <- summary(survfit(Surv(time, event) ~ arm, rows, conf.type = "log"))$table
values <- list(
  versions = list(R = R.version.string, survival = as.character(packageVersion("survival"))),
  n = fit$n, events = fit$nevent, coef = unname(coef(fit)), se = sqrt(fit$var[1]), loglik = fit$loglik[2],
  zph = unname(cox.zph(fit, transform = "km")$table["GLOBAL", ]),
  log_rank = survdiff(Surv(time, event) ~ arm, rows)$chisq,
  median = unname(curves[, "median"]), lower = unname(curves[, "0.95LCL"]), upper = unname(curves[, "0.95UCL"])
)
write_json(values, "expected.json", digits = NA, auto_unbox = TRUE, na = "null", pretty = TRUE)
