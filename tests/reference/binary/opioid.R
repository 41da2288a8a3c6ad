# Weekly urine screens of CTN-0030 as repeated binary outcomes with random effects of people and sites, by lme4.
#   Rscript opioid.R FOLDER > opioid.json      FOLDER: the shared data of CTN-0027/0030 (not in this repository)
suppressMessages({library(lme4); library(jsonlite)})
folder <- commandArgs(TRUE)[1]
words <- read.csv(file.path(folder, "outcomes_ctnote.csv"), colClasses = "character")
sites <- read.csv(file.path(folder, "site_masked.csv"), colClasses = "character")
words <- words[words$project == "30", ]
# a letter for each week: - negative, + opioids, * both kinds of results, o missing
rows <- do.call(rbind, lapply(seq_len(nrow(words)), function(i) {
  letters <- strsplit(words$usePatternUDS[i], "")[[1]]
  data.frame(who = words$who[i], arm = words$treatment[i], week = seq_along(letters), letter = letters)
}))
rows <- merge(rows[rows$letter %in% c("-", "+"), ], sites, by = "who")
rows$positive <- as.integer(rows$letter == "+")
rows$emm <- as.integer(rows$arm == "Outpatient BUP + EMM")
rows$t <- (rows$week - 1) / 10
control <- glmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-11, maxfun = 1e6), tolPwrss = 1e-13, calc.derivs = TRUE)
told <- function(fit) list(terms = names(fixef(fit)), estimate = unname(fixef(fit)), se = unname(sqrt(diag(as.matrix(vcov(fit))))),
                           sd = as.data.frame(VarCorr(fit))$sdcor, loglik = as.numeric(logLik(fit)))
nested <- glmer(positive ~ emm * t + (1 | site_masked) + (1 | who), rows, family = binomial, control = control)
people <- glmer(positive ~ emm * t + (1 | who), rows, family = binomial, control = control, nAGQ = 25)
cat(toJSON(list(versions = list(R = R.version.string, lme4 = as.character(packageVersion("lme4"))), rows = nrow(rows), people = length(unique(rows$who)),
                sites = length(unique(rows$site_masked)), positive = sum(rows$positive), nested = told(nested), people_25 = told(people)),
           digits = NA, auto_unbox = TRUE, pretty = TRUE), "\n")
