"""Generalised linear mixed models of binary and binomial outcomes: logit and complementary log-log, by adaptive quadrature."""
