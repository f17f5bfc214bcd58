"""Measures of generated pictures: how good, how varied, and whether they are new.

===================  =================================================================================================
`detectors`          pictures → features, and the resize that all detectors share
`weights`            files of weights, checked by SHA-256
`estimate`           a value and its standard error
`results`            what measures find; read without PyTorch
`distances`          tiles of pairwise distances, nearest neighbours
`frechet`            FID
`kernel`             KID
`manifold`           precision, recall, density, coverage
`sliced`             sliced Wasserstein distance of patches; needs no detector
`novelty`            copies of training pictures and blends of two
`representations`    what a discriminator has learnt, by a linear classifier
===================  =================================================================================================

A measure takes tensors of features, (n, d) of any floating type on any device that knows float64, computes in float64
and returns plain numbers. It goes through them in tiles, so that memory stays bounded; the result does not depend on
the tiles.
"""
