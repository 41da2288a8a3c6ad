# Writes the CSVs of this folder. Run here: Rscript simulate.R   (base R, seeded; values are rounded, and the CSV is the data)
save <- function(d, file) write.csv(d, file, row.names = FALSE, quote = FALSE)
code <- function(n) sprintf("P%03d", seq_len(n))

# Irregular times, participants in sites of unequal size, one to eight assessments each
set.seed(20240)
n <- 80
site <- rep(paste0("S", 1:8), c(4, 6, 7, 9, 10, 12, 14, 18))
arm <- sample(rep(c("placebo", "ketamine"), n / 2))
base <- round(rnorm(n, 32, 4), 0)
b0 <- rnorm(n, 0, 4); b1 <- -0.3 * 0.35 / 4 * b0 + rnorm(n, 0, 0.35 * sqrt(1 - 0.09))
s <- setNames(rnorm(8, 0, 3), paste0("S", 1:8))
rows <- c(1, 1, 1, 1, 1, 1, sample(2:8, n - 6, replace = TRUE, prob = c(1, 1, 2, 2, 2, 2, 2)))[sample(n)]
clinic <- do.call(rbind, lapply(seq_len(n), function(i) {
  time <- round(sort(runif(rows[i], 0, 180 / 7)), 3)
  w <- round(runif(rows[i], 0.5, 2), 3)
  k <- arm[i] == "ketamine"
  y <- 6 + 0.6 * base[i] - 3 * k + (-0.2 - 0.15 * k) * time + s[[site[i]]] + b0[i] + b1[i] * time + rnorm(rows[i], 0, 2.5)
  data.frame(id = code(n)[i], site = site[i], arm = arm[i], base = base[i], time = time, w = w, y = round(y, 3))
}))
save(clinic, "clinic.csv")

# Scheduled visits, a fifth of them missing, no sites
set.seed(20241)
n <- 60
arm <- sample(rep(c("placebo", "ketamine"), n / 2)); base <- round(rnorm(n, 30, 5), 0)
b0 <- rnorm(n, 0, 4); b1 <- -0.3 * 0.5 / 4 * b0 + rnorm(n, 0, 0.5 * sqrt(1 - 0.09))
weeks <- c(1, 2, 3, 4, 6, 8)
d <- expand.grid(v = 1:6, i = 1:n)
d$time <- weeks[d$v]; k <- arm[d$i] == "ketamine"
d$y <- round(8 + 0.5 * base[d$i] - 2 * k + (-0.6 - 0.5 * k) * d$time + b0[d$i] + b1[d$i] * d$time + rnorm(nrow(d), 0, 2.2), 3)
keep <- runif(nrow(d)) >= 0.2
save(data.frame(id = code(n)[d$i], arm = arm[d$i], base = base[d$i], visit = paste0("V", d$v), time = d$time, y = d$y)[keep, ], "scheduled.csv")

# Estimates on the boundary: what is estimated as zero is made smaller than the residual error alone would leave it
people <- function(n, visits, sites = 0) {
  d <- expand.grid(time = seq_len(visits) - 1, i = seq_len(n))
  d$id <- code(n)[d$i]; d$arm <- rep(sample(rep(c("placebo", "ketamine"), length.out = n)), each = visits)
  d$base <- rep(round(rnorm(n, 30, 5), 0), each = visits)
  if (sites) d$site <- paste0("S", (d$i - 1) %% sites + 1)
  d$mean <- 10 + 0.5 * d$base - 2 * (d$arm == "ketamine") - 0.5 * d$time - 0.4 * d$time * (d$arm == "ketamine")
  d
}
within <- function(e, d, part, on) {  # take `part` of the person's mean or slope out of the errors
  unsplit(lapply(split(seq_len(nrow(d)), d$i), function(r) { t <- if (on == "slope") d$time[r] - mean(d$time[r]) else rep(1, length(r)); e[r] - part * t * sum(t * e[r]) / sum(t * t) }), d$i)
}
out <- function(d, y, file, keep) {
  d$y <- round(y, 3)
  save(d[keep, intersect(c("id", "site", "arm", "base", "time", "y"), names(d))], file)
}

set.seed(301); d <- people(24, 5)
e <- within(rnorm(nrow(d), 0, 2), d, 0.7, "slope")
out(d, d$mean + rnorm(24, 0, 3)[d$i] + e, "zero_slope.csv", runif(nrow(d)) >= 0.1)

set.seed(302); d <- people(24, 5)
b <- rnorm(24, 0, 3); e <- within(rnorm(nrow(d), 0, 2), d, 0.7, "slope")
out(d, d$mean + b[d$i] + 0.25 * b[d$i] * d$time + e, "perfect_correlation.csv", runif(nrow(d)) >= 0.1)

set.seed(303); d <- people(24, 4)
e <- within(rnorm(nrow(d), 0, 3), d, 0.6, "mean")
out(d, d$mean + e, "zero_intercept.csv", runif(nrow(d)) >= 0.1)

set.seed(304); d <- people(36, 5, sites = 6)
b <- rnorm(36, 0, 3); b <- b - 0.8 * ave(b, (seq_len(36) - 1) %% 6)
out(d, d$mean + b[d$i] + rnorm(36, 0, 0.6)[d$i] * d$time + rnorm(nrow(d), 0, 2), "zero_site.csv", runif(nrow(d)) >= 0.1)
