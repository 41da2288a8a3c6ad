# A small trial drawn here, its files as a site would export them, and R's values from them.
# Run in this folder: Rscript make.R   (R survival, metafor, jsonlite; else base R); writes files/*.csv and expected.json.
suppressMessages({library(survival); library(metafor); library(jsonlite)})
RNGversion("4.3.0"); set.seed(20261122)
n <- 140
people <- data.frame(id = sprintf("C%03d", sample(n)), arm = sample(rep(c("ketamine", "midazolam"), c(74, 66))), centre = sample(c("north", "south", "west"), n, TRUE, c(5, 3, 2)))
good <- people$arm == "ketamine"
base <- sample(0:5, n, TRUE, c(1, 2, 4, 4, 2, 1)); after <- pmin(pmax(base - rbinom(n, 3, ifelse(good, 0.5, 0.3)) + rbinom(n, 1, 0.25), 0), 5)
madrs <- round(rnorm(n, 33, 5)); later <- pmax(round(madrs * runif(n, ifelse(good, 0.2, 0.35), 1)), 0)
seen <- runif(n) > 0.12; rated <- runif(n) > 0.1
scores <- rbind(data.frame(id = people$id, visit = "before", ideation = base, madrs = madrs),
                data.frame(id = people$id, visit = "week4", ideation = ifelse(rated, after, NA), madrs = ifelse(seen, later, NA)))
relapse <- ceiling(rexp(n, ifelse(good, 0.008, 0.015))); other <- ceiling(rexp(n, 0.006)); end <- sample(30:120, n, TRUE)
happened <- rbind(data.frame(id = people$id, day = relapse, event = "relapse"), data.frame(id = people$id, day = other, event = "other treatment"))
# a site records some of what came after somebody's end; it does not count
events <- happened[happened$day <= end[match(happened$id, people$id)] + 10, ]
ends <- data.frame(id = people$id, status = ifelse(end < 120, "left", "completed"), day = end)
for (name in c("people", "scores", "events", "ends"))
  write.csv(get(name)[sample(nrow(get(name))), ], file.path("files", paste0(name, ".csv")), row.names = FALSE, quote = FALSE, na = "")

# from here on only the files count
read <- function(name) read.csv(file.path("files", paste0(name, ".csv")))
people <- read("people"); people$first <- people$arm == "ketamine"
at <- function(visit) { s <- read("scores"); s <- s[s$visit == visit, ]; s[match(people$id, s$id), ] }
before <- at("before"); week4 <- at("week4")

# --- ordinal -------------------------------------------------------------------------------------
known <- !is.na(week4$ideation)
x <- week4$ideation[known & people$first]; y <- week4$ideation[known & !people$first]
plain <- suppressWarnings(wilcox.test(x, y, exact = FALSE, correct = FALSE))
# Hollander and Wolfe 1999, 4.3: order statistics of the differences, counted in by the normal approximation with ties
differences <- sort(as.vector(outer(x, y, "-"))); pooled <- rank(c(x, y)); nx <- length(x); ny <- length(y); N <- nx + ny
inward <- floor(nx * ny / 2 - qnorm(0.975) * sqrt(nx * ny / (N * (N - 1)) * sum((pooled - (N + 1) / 2)^2)))
# van Elteren 1960: rank sums within centres, weights 1 / (N + 1)
parts <- sapply(unique(people$centre), function(centre) {
  inside <- known & people$centre == centre; r <- rank(week4$ideation[inside]); f <- people$first[inside]; N <- length(r); n1 <- sum(f)
  c(sum(r[f]) - n1 * (N + 1) / 2, n1 * (N - n1) / (N * (N - 1)) * sum((r - (N + 1) / 2)^2)) * c(1 / (N + 1), 1 / (N + 1)^2)
})
z <- sum(parts[1, ]) / sqrt(sum(parts[2, ]))
shifts <- lapply(split(data.frame(from = before$ideation, to = week4$ideation), people$arm), function(d) {
  d <- d[!is.na(d$to), ]; counted <- table(sprintf("%g to %g", d$from, d$to)); levels <- table(d$to)
  list(n = nrow(d), shift = as.list(counted), level = as.list(levels), worse = sum(d$to > d$from), same = sum(d$to == d$from), better = sum(d$to < d$from))
})
ordinal <- list(p = plain$p.value, z = z, p_stratified = 2 * pnorm(-abs(z)), median = median(differences), lower = differences[inward],
                upper = rev(differences)[inward], arms = shifts)

# --- proportions, stratified by centre -----------------------------------------------------------
met <- 100 * (before$madrs - week4$madrs) / before$madrs >= 50
count <- function(inside) c(sum(met[inside & people$first], na.rm = TRUE), sum(!is.na(met) & inside & people$first),
                            sum(met[inside & !people$first], na.rm = TRUE), sum(!is.na(met) & inside & !people$first))
all <- count(TRUE); tables <- t(sapply(sort(unique(people$centre)), function(centre) count(people$centre == centre)))
fit <- rma.mh(measure = "RD", ai = tables[, 1], n1i = tables[, 2], ci = tables[, 3], n2i = tables[, 4])
cells <- array(apply(tables, 1, function(r) c(r[1], r[2] - r[1], r[3], r[4] - r[3])), c(2, 2, nrow(tables)))
wilson <- function(x, n) as.numeric(prop.test(x, n, correct = FALSE)$conf.int)
one <- wilson(all[1], all[2]); two <- wilson(all[3], all[4]); p <- all[1] / all[2]; q <- all[3] / all[4]
proportions <- list(counts = all, difference = p - q, newcombe = c(p - q - sqrt((p - one[1])^2 + (two[2] - q)^2), p - q + sqrt((one[2] - p)^2 + (q - two[1])^2)),
                    # Miettinen and Nurminen 1985: Pearson's chi-square times (N - 1) / N
                    score = pchisq(unname(prop.test(all[c(1, 3)], all[c(2, 4)], correct = FALSE)$statistic) * (1 - 1 / sum(all[c(2, 4)])), 1, lower.tail = FALSE),
                    stratified = list(estimate = as.numeric(fit$beta), lower = fit$ci.lb, upper = fit$ci.ub, p = mantelhaen.test(cells, correct = FALSE)$p.value))

# --- cumulative incidence ------------------------------------------------------------------------
happened <- read("events"); ends <- read("ends"); last <- ends$day[match(people$id, ends$id)]
first <- function(what) { e <- happened[happened$event == what, ]; d <- e$day[match(people$id, e$id)]; ifelse(is.na(d) | d > last, Inf, d) }
relapse <- first("relapse"); other <- first("other treatment")
time <- pmin(relapse, other, last)
status <- factor(ifelse(relapse <= other & is.finite(relapse), "relapse", ifelse(is.finite(other), "other", "censored")), c("censored", "relapse", "other"))
days <- c(28, 56, 84)
incidence <- lapply(split(seq_along(time), people$arm), function(rows) {
  s <- summary(survfit(Surv(time[rows], status[rows]) ~ 1), times = days)
  f <- s$pstate[, 2]; se <- s$std.err[, 2]; wide <- qnorm(0.975) * se / (f * log(f))
  steps <- sort(unique(time[rows][status[rows] == "relapse"])); all <- summary(survfit(Surv(time[rows], status[rows]) ~ 1), times = steps)
  g <- all$pstate[, 2]; far <- qnorm(0.975) * all$std.err[, 2] / (g * log(g))
  so_far <- function(what) sapply(days, function(day) sum(status[rows] == what & time[rows] <= day))
  list(n = length(rows), events = sum(status[rows] == "relapse"), competing = sum(status[rows] == "other"), estimate = f,
       lower = f^exp(-wide), upper = f^exp(wide), at_risk = s$n.risk[, 1], events_by = so_far("relapse"), competing_by = so_far("other"),
       curve = list(day = steps, at_risk = all$n.risk[, 1], estimate = g, lower = g^exp(-far), upper = g^exp(far)))
})
# Gray's test (1988) as ../statistics/make.R writes it out and checks it against what cmprsk prints
lines <- readLines("../statistics/make.R"); eval(parse(text = lines[(grep("^gray_parts", lines)):(grep("^# cmprsk prints", lines) - 1)]))
chisq <- gray(time, c(censored = 0, relapse = 1, other = 2)[as.character(status)], people$arm)

write_json(list(versions = list(R = R.version.string, survival = as.character(packageVersion("survival")), metafor = as.character(packageVersion("metafor"))),
                ordinal = ordinal, proportions = proportions, incidence = list(days = days, arms = incidence, gray = chisq, p = pchisq(chisq, 1, lower.tail = FALSE))),
           "expected.json", digits = NA, auto_unbox = TRUE, pretty = TRUE)
