"""Training methods, each from windows to the flat parameter vector of a blob.

A linear classifier on the frozen features is a head [C, P + 1] behind the initial adapter, which changes
nothing. So the result of every method has one form, and recognition needs only one path.

    prototype, slda, ridge    closed forms on inner products of the features: seconds
    adapter                   adapter and head by gradient descent, through an engine
    auto                      SLDA, or an adapter where held-out recordings prove it better
"""
