"""The table of reproductions: each figure, theorem and claim of the thesis, with its criterion and its verdict."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from lienzo.thesis import judging
from lienzo.thesis.edition import Language
from lienzo.thesis.judging import Judgement

Made = Literal["now", "kept", "gpu"]
"""Where a verdict comes from: computed by ``lienzo thesis --check``, from a kept result, or it would need a GPU."""


@dataclass(frozen=True)
class Reproduction:
    """A figure, theorem or claim of the thesis, and how it is judged."""

    where: str
    """Its section in the thesis of 2019."""

    what: dict[Language, str]
    """What it says, in own words."""

    criterion: dict[Language, str]
    """What has to be found, and of which number."""

    judge: Callable[[], Judgement]

    command: str
    """The command that shows it."""

    minutes: float
    """About how long that takes on two cores with AVX2; 0 where there is nothing to run."""

    made: Made = "now"


REPRODUCTIONS: dict[str, Reproduction] = {
    "definition-1": Reproduction(
        "2",
        {"en": "The divergence of Kullback and Leibler", "es": "La divergencia de Kullback y Leibler"},
        {
            "en": "The least of 40 random pairs of laws is not negative",
            "es": "La menor de 40 parejas de leyes al azar no es negativa",
        },
        judging.kullback_leibler,
        "lienzo theory divergences",
        0.1,
    ),
    "definition-2": Reproduction(
        "2",
        {"en": "The divergence of Jensen and Shannon", "es": "La divergencia de Jensen y Shannon"},
        {
            "en": "The largest of 40 random pairs of laws is at most log 2 = 0.693",
            "es": "La mayor de 40 parejas de leyes al azar es a lo sumo log 2 = 0,693",
        },
        judging.jensen_shannon,
        "lienzo theory divergences",
        0.1,
    ),
    "definition-3": Reproduction(
        "2",
        {"en": "The equilibrium of Nash", "es": "El equilibrio de Nash"},
        {
            "en": "In 30 random games, the largest gain from moving alone is below 1e-9",
            "es": "En 30 juegos al azar, la mayor ganancia por mover en solitario es menor que 1e-9",
        },
        judging.nash,
        "lienzo theory equilibrium",
        0.1,
    ),
    "figure-3.1": Reproduction(
        "3.1",
        {"en": "Figure 3.1: the concept of a GAN", "es": "Figura 3.1: el concepto de una GAN"},
        {
            "en": "It is drawn in both languages: noise, both players, both kinds of pictures, both gradients",
            "es": "Se dibuja en ambos idiomas: ruido, ambos jugadores, ambas clases de imágenes, ambos gradientes",
        },
        judging.figure_of_the_idea,
        "lienzo thesis idea",
        0.1,
    ),
    "algorithm-1": Reproduction(
        "3.1",
        {
            "en": "Algorithm 1 and equation 3.1: the players change V in opposite directions",
            "es": "El algoritmo 1 y la ecuación 3.1: los jugadores cambian V en sentidos opuestos",
        },
        {
            "en": "Share of 20 steps of each player after which V has risen (discriminator) or fallen (generator): all",
            "es": "Parte de 20 pasos de cada jugador tras los que V sube (discriminador) o baja (generador): todos",
        },
        judging.algorithm,
        "lienzo thesis game",
        0.1,
    ),
    "coin": Reproduction(
        "3.1",
        {
            "en": "At the equilibrium the police cannot tell",
            "es": "En el equilibrio la policía no puede distinguir",
        },
        {
            "en": "Where both laws are equal, a trained D is within 0.05 of ½",
            "es": "Donde ambas leyes son iguales, un D entrenado dista de ½ menos de 0,05",
        },
        judging.coin,
        "lienzo theory global-minimum",
        0.6,
    ),
    "theorem-1": Reproduction(
        "3.2",
        {
            "en": "Theorem 1 and equation 3.2: the optimal discriminator",
            "es": "El teorema 1 y la ecuación 3.2: el discriminador óptimo",
        },
        {
            "en": "A trained D is within 0.05 of p_d / (p_d + p_g) wherever the laws have mass; proof in full",
            "es": "Un D entrenado dista de p_d / (p_d + p_g) menos de 0,05 donde hay masa; demostración completa",
        },
        judging.optimal_discriminator_reached,
        "lienzo theory optimal-discriminator",
        1.0,
    ),
    "smoothed-labels": Reproduction(
        "3.2",
        {
            "en": "Real pictures labelled 0.9: the optimum is 0.9 p_d / (p_d + p_g)",
            "es": "Imágenes reales con la etiqueta 0,9: el óptimo es 0,9 p_d / (p_d + p_g)",
        },
        {
            "en": "A trained D is within 0.05 of it wherever the laws have mass",
            "es": "Un D entrenado dista de él menos de 0,05 donde las leyes tienen masa",
        },
        judging.smoothed_labels,
        "lienzo theory optimal-discriminator",
        1.0,
    ),
    "theorem-2": Reproduction(
        "3.2",
        {"en": "Theorem 2: the global minimum −log 4", "es": "El teorema 2: el mínimo global −log 4"},
        {
            "en": "The value of a trained D at p_g = p_d is −log 4 = −1.3863 within 0.005; proof in full",
            "es": "El valor de un D entrenado en p_g = p_d es −log 4 = −1,3863 ± 0,005; demostración completa",
        },
        judging.global_minimum,
        "lienzo theory global-minimum",
        0.6,
    ),
    "theorem-3": Reproduction(
        "3.2",
        {
            "en": "Theorem 3: algorithm 1 converges if D is optimal at each step",
            "es": "El teorema 3: el algoritmo 1 converge si D es óptimo en cada paso",
        },
        {
            "en": "C(G) never rises in 400 steps and ends within 0.00001 of −log 4; proof in full",
            "es": "C(G) no sube nunca en 400 pasos y acaba a menos de 0,00001 de −log 4; demostración completa",
        },
        judging.convergence_of_laws,
        "lienzo theory convergence",
        0.5,
    ),
    "training-converges": Reproduction(
        "3.2",
        {
            "en": "What the theorem leaves out: without a penalty the players circle, with R1 they arrive",
            "es": "Lo que el teorema deja fuera: sin penalización los jugadores dan vueltas, con R1 llegan",
        },
        {
            "en": "Dirac-GAN, every objective, after 600 steps: without a penalty the late distance is not yet below "
            "0.1, with R1 it is below 0.02",
            "es": "GAN de Dirac, cada objetivo, tras 600 pasos: sin penalización la distancia final aún no baja de "
            "0,1; con R1 es menor que 0,02",
        },
        judging.circling,
        "lienzo theory convergence",
        0.5,
    ),
    "saturation": Reproduction(
        "3.2",
        {
            "en": "log(1 − D(G(z))) gives the generator little when D wins",
            "es": "log(1 − D(G(z))) da poco al generador cuando gana D",
        },
        {
            "en": "In the thesis's networks, after 8 steps of D: its gradient is less than 0.2 of that of −log D(G(z))",
            "es": "En las redes de la tesis, tras 8 pasos de D: su gradiente es menos de 0,2 del de −log D(G(z))",
        },
        judging.saturation,
        "lienzo theory saturation",
        0.5,
    ),
    "other-models": Reproduction(
        "3.3",
        {
            "en": "Variational autoencoders and noise-contrastive estimation",
            "es": "Autocodificadores variacionales y estimación por contraste con ruido",
        },
        {
            "en": "Share of the claims about bound, estimates and distances that hold: all; proofs in full",
            "es": "Parte de las afirmaciones sobre cota y distancias que se cumplen: todas; demostraciones completas",
        },
        judging.other_models,
        "lienzo theory other-models",
        1.0,
        "kept",
    ),
    "no-mixtures": Reproduction(
        "3.1",
        {
            "en": "Generated pictures are neither copies nor mixtures of training pictures",
            "es": "Las imágenes generadas no son copias ni mezclas de imágenes de entrenamiento",
        },
        {
            "en": "Copies and blends are as rare as among held-out pictures, after a whole training on paintings",
            "es": "Copias y mezclas son tan raras como entre imágenes reservadas, tras un entrenamiento entero",
        },
        judging.not_tried,
        "lienzo evaluate runs/thesis art-64",
        0.0,
        "gpu",
    ),
    "recommendations": Reproduction(
        "4.1",
        {
            "en": "Each of DCGAN's seven recommendations helps",
            "es": "Cada una de las siete recomendaciones de DCGAN ayuda",
        },
        {
            "en": "Share of ten ways to drop one, or part of it, that worsen KID more than the seeds do, at 16 px: all",
            "es": "Parte de diez formas de quitar una, o parte, que empeoran el KID más que las semillas: todas",
        },
        judging.recommendations,
        "python benchmarks/ablations.py art-16",
        60.0,
        "kept",
    ),
    "figure-4.1": Reproduction(
        "4.1",
        {"en": "Figure 4.1: about 100,000 paintings", "es": "Figura 4.1: unas 100.000 pinturas"},
        {
            "en": "The same paintings, of a competition whose files cannot be had freely",
            "es": "Las mismas pinturas, de una competición cuyos ficheros no se obtienen libremente",
        },
        judging.not_tried,
        "lienzo prepare paintings art-64 --size 64",
        0.0,
        "gpu",
    ),
    "preprocessing": Reproduction(
        "4.2",
        {
            "en": "Broken and failed downloads are removed, all others become 64×64",
            "es": "Se quitan ficheros dañados y descargas fallidas, los demás pasan a 64×64",
        },
        {
            "en": "Share of 15 files that end as they should, three of them broken: all",
            "es": "Parte de 15 ficheros que acaban como deben, tres de ellos dañados: todos",
        },
        judging.preprocessing,
        "lienzo prepare paintings art-64 --size 64",
        0.1,
    ),
    "figure-4.2": Reproduction(
        "4.3",
        {"en": "Figure 4.2: both networks with all sizes", "es": "Figura 4.2: las dos redes con todos los tamaños"},
        {
            "en": "3,576,704 and 2,765,568 parameters, sides 4, 8, 16, 32, 64; the number is the sum of the parameters",
            "es": "3.576.704 y 2.765.568 parámetros, lados 4, 8, 16, 32, 64; el número es la suma de los parámetros",
        },
        judging.architecture,
        "lienzo theory convolutions",
        0.1,
    ),
    "settings": Reproduction(
        "4.3",
        {
            "en": "30 epochs, batches of 128, Adam with 0.0002 and (0.5, 0.999), label 0.9",
            "es": "30 épocas, lotes de 128, Adam con 0,0002 y (0,5, 0,999), etiqueta 0,9",
        },
        {
            "en": "How many of these differ in the recipe of that name: none",
            "es": "Cuántos de ellos difieren en la receta de ese nombre: ninguno",
        },
        judging.settings,
        "lienzo recipes thesis",
        0.1,
    ),
    "figure-4.3": Reproduction(
        "4.4",
        {"en": "Figure 4.3: pictures after 30 epochs", "es": "Figura 4.3: imágenes tras 30 épocas"},
        {
            "en": "Thirty epochs of the thesis's own data, with scores over three seeds",
            "es": "Treinta épocas con los datos de la tesis, con medidas sobre tres semillas",
        },
        judging.not_tried,
        "lienzo train art-64 --recipe thesis",
        0.0,
        "gpu",
    ),
    "gpu-indispensable": Reproduction(
        "4.4",
        {"en": "A CUDA GPU is indispensable", "es": "Una GPU con CUDA es indispensable"},
        {
            "en": "Hours that the training takes on two cores with AVX2: more than 240, ten times the thesis's day",
            "es": "Horas que dura el entrenamiento en dos núcleos con AVX2: más de 240, diez veces el día de la tesis",
        },
        judging.day_of_training,
        "lienzo train art-64 --recipe thesis",
        0.0,
        "kept",
    ),
    "cpu-slower": Reproduction(
        "4.4",
        {"en": "A CPU is about 20 times slower", "es": "Una CPU es unas 20 veces más lenta"},
        {
            "en": "How many times slower two cores with AVX2 are than the thesis's GPU was: between 10 and 40",
            "es": "Cuántas veces más lentos que la GPU de la tesis son dos núcleos con AVX2: entre 10 y 40",
        },
        judging.slower_processor,
        "lienzo report runs/thesis",
        0.0,
        "kept",
    ),
}
"""Name of a statement -> how it is judged, in the order of the thesis."""
