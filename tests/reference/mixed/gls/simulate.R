# Writes negative_cs.csv. Run here: Rscript simulate.R   (base R, seeded, rounded; the CSV is the data)
# 30 people, 4 visits, errors pushed against each other within a person: the common correlation is negative.
set.seed(401)
n <- 30
d <- expand.grid(visit = 1:4, i = seq_len(n))
arm <- sample(rep(c("placebo", "ketamine"), n / 2)); base <- round(rnorm(n, 30, 5), 0)
e <- matrix(rnorm(n * 4, 0, c(2, 2.5, 3, 3.5)), 4)
e <- e - 0.7 * rep(colMeans(e), each = 4)
k <- arm[d$i] == "ketamine"
y <- 10 + 0.5 * base[d$i] - 1.5 * d$visit - (0.5 + 0.5 * d$visit) * k + as.vector(e)
out <- data.frame(id = sprintf("P%03d", d$i), arm = arm[d$i], base = base[d$i], visit = d$visit, y = round(y, 3))
write.csv(out[runif(nrow(out)) >= 0.1, ], "negative_cs.csv", row.names = FALSE, quote = FALSE)
