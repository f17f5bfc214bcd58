"""The figures of the thesis that are drawn when its pages are made, one file for each; ``FIGURES`` lists them."""
