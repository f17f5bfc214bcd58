"""The works that the thesis cites, by their keys."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Work:
    """An article or a book."""

    authors: str
    year: int
    title: str
    venue: str
    """Journal, conference or publisher."""
    link: str
    """Where it can be read or found: a page of the publisher, of arXiv or of the authors, or a DOI."""

    @property
    def short(self) -> str:
        """How a text names it: the first author, or both of two, and the year."""
        names = [re.sub(r"^.*?((?:\b[a-z]+ )*\S+)$", r"\1", name.strip()) for name in self.authors.split(",")]
        shown = names[0] if len(names) == 1 else " & ".join(names) if len(names) == 2 else f"{names[0]} et al."
        return f"{shown} {self.year}"


BIBLIOGRAPHY: dict[str, Work] = {
    "arjovsky-2017": Work(
        "Martin Arjovsky, Soumith Chintala, Léon Bottou",
        2017,
        "Wasserstein generative adversarial networks",
        "International Conference on Machine Learning",
        "https://arxiv.org/abs/1701.07875",
    ),
    "arjovsky-bottou-2017": Work(
        "Martin Arjovsky, Léon Bottou",
        2017,
        "Towards principled methods for training generative adversarial networks",
        "International Conference on Learning Representations",
        "https://arxiv.org/abs/1701.04862",
    ),
    "bertsekas-2003": Work(
        "Dimitri Bertsekas, Angelia Nedić, Asuman Ozdaglar",
        2003,
        "Convex analysis and optimization",
        "Athena Scientific",
        "http://www.athenasc.com/convexity.html",
    ),
    "cover-thomas-2006": Work(
        "Thomas Cover, Joy Thomas",
        2006,
        "Elements of information theory, second edition",
        "Wiley",
        "https://doi.org/10.1002/047174882X",
    ),
    "dumoulin-visin-2016": Work(
        "Vincent Dumoulin, Francesco Visin",
        2016,
        "A guide to convolution arithmetic for deep learning",
        "arXiv",
        "https://arxiv.org/abs/1603.07285",
    ),
    "endres-schindelin-2003": Work(
        "Dominik Endres, Johannes Schindelin",
        2003,
        "A new metric for probability distributions",
        "IEEE Transactions on Information Theory 49",
        "https://doi.org/10.1109/TIT.2003.813506",
    ),
    "gidel-2019": Work(
        "Gauthier Gidel, Hugo Berard, Gaëtan Vignoud, Pascal Vincent, Simon Lacoste-Julien",
        2019,
        "A variational inequality perspective on generative adversarial networks",
        "International Conference on Learning Representations",
        "https://arxiv.org/abs/1802.10551",
    ),
    "glicksberg-1952": Work(
        "Irving Glicksberg",
        1952,
        "A further generalization of the Kakutani fixed point theorem, with application to Nash equilibrium points",
        "Proceedings of the American Mathematical Society 3",
        "https://doi.org/10.1090/S0002-9939-1952-0046638-5",
    ),
    "goodfellow-2014": Work(
        "Ian Goodfellow, Jean Pouget-Abadie, Mehdi Mirza, Bing Xu, David Warde-Farley, Sherjil Ozair, Aaron Courville, "
        "Yoshua Bengio",
        2014,
        "Generative adversarial nets",
        "Advances in Neural Information Processing Systems 27",
        "https://arxiv.org/abs/1406.2661",
    ),
    "goodfellow-2016": Work(
        "Ian Goodfellow",
        2016,
        "NIPS 2016 tutorial: generative adversarial networks",
        "arXiv",
        "https://arxiv.org/abs/1701.00160",
    ),
    "goodfellow-book-2016": Work(
        "Ian Goodfellow, Yoshua Bengio, Aaron Courville",
        2016,
        "Deep learning",
        "MIT Press",
        "https://www.deeplearningbook.org",
    ),
    "gutmann-hyvarinen-2012": Work(
        "Michael Gutmann, Aapo Hyvärinen",
        2012,
        "Noise-contrastive estimation of unnormalized statistical models, "
        "with applications to natural image statistics",
        "Journal of Machine Learning Research 13",
        "https://jmlr.org/papers/v13/gutmann12a.html",
    ),
    "hornik-1989": Work(
        "Kurt Hornik, Maxwell Stinchcombe, Halbert White",
        1989,
        "Multilayer feedforward networks are universal approximators",
        "Neural Networks 2",
        "https://doi.org/10.1016/0893-6080(89)90020-8",
    ),
    "ioffe-szegedy-2015": Work(
        "Sergey Ioffe, Christian Szegedy",
        2015,
        "Batch normalization: accelerating deep network training by reducing internal covariate shift",
        "International Conference on Machine Learning",
        "https://arxiv.org/abs/1502.03167",
    ),
    "kingma-ba-2015": Work(
        "Diederik Kingma, Jimmy Ba",
        2015,
        "Adam: a method for stochastic optimization",
        "International Conference on Learning Representations",
        "https://arxiv.org/abs/1412.6980",
    ),
    "kingma-welling-2014": Work(
        "Diederik Kingma, Max Welling",
        2014,
        "Auto-encoding variational Bayes",
        "International Conference on Learning Representations",
        "https://arxiv.org/abs/1312.6114",
    ),
    "kullback-leibler-1951": Work(
        "Solomon Kullback, Richard Leibler",
        1951,
        "On information and sufficiency",
        "The Annals of Mathematical Statistics 22",
        "https://doi.org/10.1214/aoms/1177729694",
    ),
    "lecun-1998": Work(
        "Yann LeCun, Léon Bottou, Yoshua Bengio, Patrick Haffner",
        1998,
        "Gradient-based learning applied to document recognition",
        "Proceedings of the IEEE 86",
        "https://doi.org/10.1109/5.726791",
    ),
    "lin-1991": Work(
        "Jianhua Lin",
        1991,
        "Divergence measures based on the Shannon entropy",
        "IEEE Transactions on Information Theory 37",
        "https://doi.org/10.1109/18.61115",
    ),
    "maas-2013": Work(
        "Andrew Maas, Awni Hannun, Andrew Ng",
        2013,
        "Rectifier nonlinearities improve neural network acoustic models",
        "ICML Workshop on Deep Learning for Audio, Speech and Language Processing",
        "https://ai.stanford.edu/~amaas/papers/relu_hybrid_icml2013_final.pdf",
    ),
    "mescheder-2018": Work(
        "Lars Mescheder, Andreas Geiger, Sebastian Nowozin",
        2018,
        "Which training methods for GANs do actually converge?",
        "International Conference on Machine Learning",
        "https://arxiv.org/abs/1801.04406",
    ),
    "nair-hinton-2010": Work(
        "Vinod Nair, Geoffrey Hinton",
        2010,
        "Rectified linear units improve restricted Boltzmann machines",
        "International Conference on Machine Learning",
        "https://www.cs.toronto.edu/~hinton/absps/reluICML.pdf",
    ),
    "nash-1951": Work(
        "John Nash",
        1951,
        "Non-cooperative games",
        "Annals of Mathematics 54",
        "https://doi.org/10.2307/1969529",
    ),
    "neumann-1928": Work(
        "John von Neumann",
        1928,
        "Zur Theorie der Gesellschaftsspiele",
        "Mathematische Annalen 100",
        "https://doi.org/10.1007/BF01448847",
    ),
    "nowozin-2016": Work(
        "Sebastian Nowozin, Botond Cseke, Ryota Tomioka",
        2016,
        "f-GAN: training generative neural samplers using variational divergence minimization",
        "Advances in Neural Information Processing Systems 29",
        "https://arxiv.org/abs/1606.00709",
    ),
    "radford-2016": Work(
        "Alec Radford, Luke Metz, Soumith Chintala",
        2016,
        "Unsupervised representation learning with deep convolutional generative adversarial networks",
        "International Conference on Learning Representations",
        "https://arxiv.org/abs/1511.06434",
    ),
    "rezende-2014": Work(
        "Danilo Rezende, Shakir Mohamed, Daan Wierstra",
        2014,
        "Stochastic backpropagation and approximate inference in deep generative models",
        "International Conference on Machine Learning",
        "https://arxiv.org/abs/1401.4082",
    ),
    "rockafellar-1970": Work(
        "Ralph Tyrrell Rockafellar",
        1970,
        "Convex analysis",
        "Princeton University Press",
        "https://press.princeton.edu/books/paperback/9780691015866/convex-analysis",
    ),
    "rosenblatt-1958": Work(
        "Frank Rosenblatt",
        1958,
        "The perceptron: a probabilistic model for information storage and organization in the brain",
        "Psychological Review 65",
        "https://doi.org/10.1037/h0042519",
    ),
    "rumelhart-1986": Work(
        "David Rumelhart, Geoffrey Hinton, Ronald Williams",
        1986,
        "Learning representations by back-propagating errors",
        "Nature 323",
        "https://doi.org/10.1038/323533a0",
    ),
    "sion-1958": Work(
        "Maurice Sion",
        1958,
        "On general minimax theorems",
        "Pacific Journal of Mathematics 8",
        "https://doi.org/10.2140/pjm.1958.8.171",
    ),
    "springenberg-2015": Work(
        "Jost Tobias Springenberg, Alexey Dosovitskiy, Thomas Brox, Martin Riedmiller",
        2015,
        "Striving for simplicity: the all convolutional net",
        "International Conference on Learning Representations (workshop)",
        "https://arxiv.org/abs/1412.6806",
    ),
    "yang-2019": Work(
        "Greg Yang, Jeffrey Pennington, Vinay Rao, Jascha Sohl-Dickstein, Samuel Schoenholz",
        2019,
        "A mean field theory of batch normalization",
        "International Conference on Learning Representations",
        "https://arxiv.org/abs/1902.08129",
    ),
}
"""Key -> work, sorted by the key. A text cites one as ``[@key]``."""
