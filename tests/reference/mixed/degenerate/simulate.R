# Writes the CSVs of this folder. Run here: Rscript simulate.R   (base R, seeded; the CSV is the data)
save <- function(d, file) write.csv(d[, intersect(c("id", "arm", "visit", "base", "base2", "y"), names(d))], file, row.names = FALSE, quote = FALSE)
trial <- function(seed, n = 16, visits = 3, rho = 0.6, missing = 0.1) {
  set.seed(seed)
  d <- expand.grid(visit = seq_len(visits), i = seq_len(n))
  arm <- sample(rep(c("placebo", "ketamine"), length.out = n)); base <- round(rnorm(n, 30, 5), 0)
  d$id <- sprintf("P%03d", d$i); d$arm <- arm[d$i]; d$base <- base[d$i]
  b <- rnorm(n, 0, 4 * sqrt(rho)); e <- rnorm(nrow(d), 0, 4 * sqrt(1 - rho))
  d$mean <- 5 + 0.6 * d$base - 1.5 * d$visit - 2 * (d$arm == "ketamine") - d$visit * (d$arm == "ketamine")
  d$b <- b[d$i]; d$e <- e; d$y <- round(d$mean + d$b + d$e, 3); d$keep <- runif(nrow(d)) >= missing
  d
}
d <- trial(501); save(d[d$keep, ], "ordinary.csv")  # nothing wrong with it: the yardstick

set.seed(502); d <- trial(502, n = 24, missing = 0); save(d[d$visit == sample(rep(1:3, 8))[d$i], ], "one_visit_each.csv")
d <- trial(503); save(d[d$keep & !(d$arm == "ketamine" & d$visit == 3), ], "empty_cell.csv")
d <- trial(504); d$y <- 20; save(d[d$keep, ], "constant_outcome.csv")
d <- trial(505); d$y <- d$mean; save(d[d$keep, ], "perfect_fit.csv")  # y is a linear function of the covariates
d <- trial(506); d$y <- round(d$mean + d$e - ave(d$e, d$id), 3); save(d[d$keep, ], "zero_between.csv")
d <- trial(507); d$base2 <- 2 * d$base + 3; save(d[d$keep, ], "collinear.csv")
d <- trial(508, missing = 0); d$arm <- ifelse(d$i == 1, "ketamine", "placebo"); save(d, "one_in_arm.csv")
d <- trial(509, missing = 0); set.seed(509); last <- d$visit == 3; d$y[last] <- round(d$y[d$visit == 2] + rnorm(sum(last), 0, 1e-5), 8); save(d, "near_singular.csv")
d <- trial(501); d$y <- d$y * 1e-8; save(d[d$keep, ], "tiny_scores.csv")
d <- trial(501); d$y <- d$y * 1e8; save(d[d$keep, ], "huge_scores.csv")
d <- trial(501); d$base <- d$base + 1e8; d$base <- format(d$base, scientific = FALSE, trim = TRUE); save(d[d$keep, ], "shifted_covariate.csv")
d <- trial(512, n = 30, visits = 12); save(d[d$keep, ], "twelve_visits.csv")
d <- trial(513, n = 24, missing = 0); set.seed(513); drop <- sample(2:3, 24, replace = TRUE); save(d[d$visit != drop[d$i], ], "never_together.csv")  # visits 2 and 3 never in one person
