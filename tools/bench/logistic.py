"""Logistic regression on standardised features, the usual linear probe, by scikit-learn."""

from sklearn.linear_model import LogisticRegression

from edgecl.arrays import Floats, Integers

C = 0.05
"""Inverse strength of the penalty."""


def fit_logistic(features: Floats, labels: Integers) -> LogisticRegression:
    """Fit a logistic regression to standardised features [N, P] and labels [N]."""
    return LogisticRegression(C=C, max_iter=2000).fit(features, labels)
