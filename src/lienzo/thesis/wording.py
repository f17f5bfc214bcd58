"""The words of the pages that stand in no chapter, in each language."""

import re

from lienzo.thesis.edition import Language

WORDS: dict[str, dict[Language, str]] = {
    "title": {"en": "Generative adversarial networks", "es": "Redes generativas antagónicas"},
    "lead": {
        "en": "The mathematics of generative adversarial networks, an implementation, and what comes out of it on "
        "paintings. Every number was made by lienzo's own code.",
        "es": "Las matemáticas de las redes generativas antagónicas, una implementación y lo que resulta de ella con "
        "pinturas. Todos los números los ha hecho el propio código de lienzo.",
    },
    "contents": {"en": "Contents", "es": "Índice"},
    "on this page": {"en": "On this page", "es": "En esta página"},
    "previous": {"en": "Previous", "es": "Anterior"},
    "next": {"en": "Next", "es": "Siguiente"},
    "bibliography": {"en": "Bibliography", "es": "Bibliografía"},
    "lines": {"en": "lines", "es": "líneas"},
    "claims": {
        "en": "{held} of {count} claims hold: all numbers",
        "es": "Se cumplen {held} de {count} afirmaciones: todos los números",
    },
    "theorem": {"en": "claim", "es": "afirmación"},
    "predicted": {"en": "predicted", "es": "predicho"},
    "measured": {"en": "measured", "es": "medido"},
    "error": {"en": "error", "es": "error"},
    "tolerance": {"en": "tolerance", "es": "tolerancia"},
    "holds": {"en": "holds", "es": "se cumple"},
    "yes": {"en": "yes", "es": "sí"},
    "no": {"en": "NO", "es": "NO"},
    "reproductions": {"en": "What was reproduced", "es": "Lo que se ha reproducido"},
    "reproductions lead": {
        "en": "Each figure, theorem and claim of the thesis of 2019, with a criterion and a verdict. What was not "
        "reproduced, or not tried, is said as plainly as what was.",
        "es": "Cada figura, teorema y afirmación de la tesis de 2019, con un criterio y un veredicto. Lo que no se ha "
        "reproducido, o no se ha intentado, se dice tan claro como lo que sí.",
    },
    "checked": {
        "en": "Judged on {date}: {processor}, one thread, {time} of its time. To judge again: {command}",
        "es": "Juzgado el {date}: {processor}, un hilo, {time} de su tiempo. Para juzgar de nuevo: {command}",
    },
    "section": {"en": "section", "es": "apartado"},
    "statement": {"en": "statement", "es": "enunciado"},
    "verdict": {"en": "verdict", "es": "veredicto"},
    "number": {"en": "number", "es": "número"},
    "made by": {"en": "from", "es": "procede de"},
    "criterion": {"en": "Criterion", "es": "Criterio"},
    "command": {"en": "Command", "es": "Orden"},
    "minutes": {"en": "{minutes} minutes", "es": "{minutes} minutos"},
    "over seeds": {"en": "{number} over {count} seeds", "es": "{number} con {count} semillas"},
    "reproduced": {"en": "reproduced", "es": "reproducido"},
    "not reproduced": {"en": "not reproduced", "es": "no reproducido"},
    "not tried": {"en": "not tried", "es": "no intentado"},
    "made now": {"en": "made now", "es": "hecho ahora"},
    "made kept": {"en": "kept from before", "es": "conservado de antes"},
    "made gpu": {"en": "needs a GPU or other data", "es": "necesita una GPU u otros datos"},
    "kept": {
        "en": "Kept from {date}: {processor}, {time}, {seeds}. To compute it again: {command}",
        "es": "Conservado del {date}: {processor}, {time}, {seeds}. Para volver a calcularlo: {command}",
    },
    "made": {
        "en": "Computed now: {processor}, {time}, {seeds}, by {command}",
        "es": "Calculado ahora: {processor}, {time}, {seeds}, con {command}",
    },
    "seed": {"en": "seed", "es": "semilla"},
    "seeds": {"en": "seeds", "es": "semillas"},
    "figure": {"en": "Figure", "es": "Figura"},
    "proof": {"en": "Proof.", "es": "Demostración."},
    "how made": {
        "en": "These pages were written by lienzo {version}: {command}",
        "es": "Estas páginas las ha escrito lienzo {version}: {command}",
    },
}
"""Words by their key and their language; what stands in braces is filled in."""

SPANISH: dict[str, str] = {
    " against N(": " contra N(",
    "16 pictures, 8 updates of D": "16 imágenes, 8 actualizaciones de D",
    "D = ½ at p_g = p_d: the trained D's largest error": "D = ½ en p_g = p_d: el mayor error del D entrenado",
    "Dirac-GAN played": "GAN de Dirac jugada",
    "Dirac-GAN, pull on": "GAN de Dirac, tirón de",
    "Dirac-GAN": "GAN de Dirac",
    "KL of two Gaussians": "KL de dos normales",
    "L² distance to the optimum": "distancia L² al óptimo",
    "L² distance": "distancia L²",
    "N(0, σ²) against": "N(0, σ²) contra",
    "NCE of a network": "NCE de una red",
    "Noise-contrastive estimates of (a, b, c)": "Estimaciones por contraste con ruido de (a, b, c)",
    "One density, three models, exact distances": "Una densidad, tres modelos, distancias exactas",
    "TV of N(0, 1) and": "TV de N(0, 1) y",
    "W₁ of N(0, 1) and": "W₁ de N(0, 1) y",
    "W₁ = distance of the supports' means": "W₁ = distancia de las medias de los soportes",
    "a generator of 3 of the 8 modes": "un generador de 3 de los 8 modos",
    "a saddle in pure strategies": "un punto de silla en estrategias puras",
    "all the way": "todo el camino",
    "alternating play circles: change of": "el juego alterno da vueltas: cambio de",
    "at the best critic, f(x) = x,": "en el mejor crítico, f(x) = x,",
    "at the end": "al final",
    "at δ = 0 both pulls are 0": "en δ = 0 ambos tirones son 0",
    "before normalising": "antes de normalizar",
    "bound ≤ log p(x), the largest excess over all x": "cota ≤ log p(x), el mayor exceso sobre todos los x",
    "by 200,000 draws": "con 200.000 extracciones",
    "by clipping": "por acotación",
    "by quadrature": "por cuadratura",
    "by the trained D": "con el D entrenado",
    "change of": "cambio de",
    "disjoint segments": "segmentos disjuntos",
    "distance to the equilibrium at the end": "distancia al equilibrio al final",
    "draws of the data themselves": "extracciones de los propios datos",
    "error of log Z": "error de log Z",
    "grid of 25": "cuadrícula de 25",
    "growth per step": "crecimiento por paso",
    "hinge": "bisagra",
    "it contracts by |λ|, the spectral radius": "se contrae en |λ|, el radio espectral",
    "its number": "su número",
    "its own bound": "su propia cota",
    "label smoothing": "etiquetas suavizadas",
    "label β": "etiqueta β",
    "largest error of both strategies and values": "mayor error de ambas estrategias y valores",
    "largest error of its logarithm": "mayor error de su logaritmo",
    "largest error over": "mayor error sobre",
    "largest error": "mayor error",
    "least squares": "mínimos cuadrados",
    "least-squares": "mínimos cuadrados",
    "loss of G": "pérdida de G",
    "log Z of the energy, mean of": "log Z de la energía, media de",
    "log p(x) = bound + KL(q ‖ posterior)": "log p(x) = cota + KL(q ‖ posterior)",
    "matching pennies": "pares y nones",
    "mean bound ≤ −H(p_d), the best there is": "cota media ≤ −H(p_d), la mejor que hay",
    "mean of log Z": "media de log Z",
    "model": "modelo",
    "modes found": "modos encontrados",
    "no penalty": "sin penalización",
    "nobody gains by moving alone: the largest gain of 30 random games": "nadie gana moviendo solo: la mayor ganancia "
    "de 30 juegos al azar",
    "non-saturating: the same optimum": "no saturante: el mismo óptimo",
    "non-saturating": "no saturante",
    "of N(μ, σ²) and N(μ + 1, σ²)": "de N(μ, σ²) y N(μ + 1, σ²)",
    "of 40 pairs": "de 40 parejas",
    "of 40 random pairs of mixtures": "de 40 parejas de mezclas al azar",
    "of the trained model": "del modelo entrenado",
    "of two Gaussians: the closed form": "de dos normales: la forma cerrada",
    "on disjoint supports": "con soportes disjuntos",
    "one picture": "una imagen",
    "optimal D, small steps in p_g": "D óptimo, pasos pequeños en p_g",
    "output =": "salida =",
    "over training": "durante el entrenamiento",
    "penalty none": "sin penalización",
    "penalty R1": "penalización R1",
    "points": "puntos",
    "random games": "juegos al azar",
    "relativistic": "relativista",
    "reverse KL of the worst of 2 seeds": "KL inversa de la peor de 2 semillas",
    "reverse KL of the worst of 3 seeds": "KL inversa de la peor de 3 semillas",
    "reverse KL": "KL inversa",
    "ring of 8": "anillo de 8",
    "rock, paper, scissors": "piedra, papel, tijera",
    "samples": "muestras",
    "share of the modes that the worst of 2 seeds finds": "parte de los modos que halla la peor de 2 semillas",
    "share of the modes that the worst of 3 seeds finds": "parte de los modos que halla la peor de 3 semillas",
    "simultaneous play": "juego simultáneo",
    "stack of 1000": "pila de 1000",
    "standard error": "error típico",
    "the L² distance at the end over that after 100 updates": "la distancia L² al final entre la de tras 100 "
    "actualizaciones",
    "the game ends with D = ½": "el juego acaba con D = ½",
    "the game ends with p_g near p_d": "el juego acaba con p_g cerca de p_d",
    "the largest difference": "la mayor diferencia",
    "the largest error on the path": "el mayor error en el camino",
    "the largest error": "el mayor error",
    "the largest excess on the path": "el mayor exceso en el camino",
    "the largest excess": "el mayor exceso",
    "the largest gain of 50 disturbances of D*": "la mayor ganancia de 50 perturbaciones de D*",
    "the largest gap of 30": "la mayor diferencia de 30",
    "the largest distance in the last 200 of 600 steps": "la mayor distancia en los últimos 200 de 600 pasos",
    "the largest rise": "la mayor subida",
    "the largest": "la mayor",
    "the mean of the alternating path is at the equilibrium": "la media del camino alterno está en el equilibrio",
    "the normalisation it learnt": "la normalización que aprendió",
    "the pull of": "el tirón de",
    "the smallest C(G) of the path is at p_g = p_d": "el menor C(G) del camino está en p_g = p_d",
    "the smallest": "la menor",
    "the squared error falls as T to the power −1": "el error cuadrático baja como T elevado a −1",
    "the thesis's DCGAN": "la DCGAN de la tesis",
    "the value": "el valor",
    "their ratio is": "su cociente es",
    "trained D": "D entrenado",
    "trained, α": "entrenado, α",
    "true log Z": "log Z verdadero",
    "two by two, mixed": "dos por dos, mixto",
    "two Gaussians": "dos normales",
    "two mixtures": "dos mezclas",
    "vanishes": "se anula",
    "where q lacks mass that p has": "donde a q le falta masa que p tiene",
    "with R1 (γ = 1)": "con R1 (γ = 1)",
    "C(G) never rises": "C(G) no sube nunca",
    "C(G) ends at": "C(G) acaba en",
    "C(G) = −log 4 at p_g = p_d": "C(G) = −log 4 en p_g = p_d",
    "is δ/σ²": "es δ/σ²",
    " over ‖": " entre ‖",
    "clipped": "acotado",
    " at D*": " en D*",
    " at f(x)": " en f(x)",
    " estimates": " estimaciones",
    " of log Z": " de log Z",
    ": to c": ": hasta c",
    " by R1": " por R1",
    " by R2": " por R2",
    " by WGAN-GP": " por WGAN-GP",
}
"""Phrases of the titles, headers and statements of kept results, in Spanish. What is not here is shown in English."""

_NUMERIC = re.compile(r"[\d.,±≥≤∞−+ei -]+")
_POINTS = str.maketrans(",.", ".,")

_PHRASE = re.compile("|".join(map(re.escape, sorted(SPANISH, key=len, reverse=True))))


WHOLE: dict[str, str] = {
    "O = (W − K + 2P)/S + 1: sizes that differ, of 581 combinations": "O = (W − K + 2P)/S + 1: tamaños que difieren, "
    "de 581 combinaciones",
    "O = S(W − 1) + K − 2P: sizes that differ, of 581 combinations": "O = S(W − 1) + K − 2P: tamaños que difieren, "
    "de 581 combinaciones",
    "a transposed convolution is the transpose of the matrix: largest difference": "una convolución traspuesta es la "
    "traspuesta de la matriz: mayor diferencia",
    "⟨Ax, y⟩ = ⟨x, Aᵀy⟩: largest difference": "⟨Ax, y⟩ = ⟨x, Aᵀy⟩: mayor diferencia",
    "discriminator, sides 64, 32, 16, 8, 4, 1: layers that differ from O": "discriminador, lados 64, 32, 16, 8, 4, "
    "1: capas que difieren de O",
    "generator, sides 1, 4, 8, 16, 32, 64: layers that differ from O": "generador, lados 1, 4, 8, 16, 32, 64: capas "
    "que difieren de O",
    "discriminator, receptive fields: layers that differ from r": "discriminador, campos receptivos: capas que "
    "difieren de r",
    "the generator's first layer is a transposed convolution of one pixel: largest error": "la primera capa del "
    "generador es una convolución traspuesta de un píxel: mayor error",
    "the discriminator's last layer is a convolution to one pixel: largest error": "la última capa del discriminador "
    "es una convolución hasta un píxel: mayor error",
    "generator: number of parameters": "generador: número de parámetros",
    "discriminator: number of parameters": "discriminador: número de parámetros",
    "x̂ has mean 0: largest over the channels": "x̂ tiene media 0: la mayor de los canales",
    "x̂ has variance s²/(s² + ε): largest error": "x̂ tiene varianza s²/(s² + ε): mayor error",
    "training: y = γ x̂ + β: largest error": "entrenamiento: y = γ x̂ + β: mayor error",
    "training: μ_run after one batch: largest error": "entrenamiento: μ_run tras un lote: mayor error",
    "training: s²_run after one batch, with n/(n − 1): largest error": "entrenamiento: s²_run tras un lote, con n/(n "
    "− 1): mayor error",
    "backwards: ∂L/∂x: largest error": "hacia atrás: ∂L/∂x: mayor error",
    "backwards: ∂L/∂γ: largest error": "hacia atrás: ∂L/∂γ: mayor error",
    "backwards: ∂L/∂β: largest error": "hacia atrás: ∂L/∂β: mayor error",
    "evaluation: y from the running averages: largest error": "evaluación: y a partir de las medias móviles: mayor "
    "error",
    "BN(aWx) = BN(Wx), a = 7, ε → 0: largest error": "BN(aWx) = BN(Wx), a = 7, ε → 0: mayor error",
    "inside the thesis's generator, four layers: largest error of y": "dentro del generador de la tesis, cuatro "
    "capas: mayor error de y",
    "160,000 pictures of 16×16 (paintings), 16 channels next to the picture": "160.000 imágenes de 16×16 (pinturas), "
    "16 canales junto a la imagen",
    "The painter's six manners: share found, mean and deviation of the seeds": "Las seis maneras del pintor: parte "
    "acertada, media y desviación de las semillas",
    "4×4 convolutions, stride 2": "convoluciones 4×4, paso 2",
    "3×3 convolutions, max pooling": "convoluciones 3×3, agrupación por el máximo",
    "classifier": "clasificador",
    "parameters": "parámetros",
    "multiply-adds": "multiplicaciones con suma",
    "pictures": "imágenes",
    "accuracy": "aciertos",
    "seconds": "segundos",
    "Share of the discriminator's units that are dead": "Parte de las unidades del discriminador que están muertas",
    "normalisation of D": "normalización de D",
    "rate": "tasa",
    "dead with ReLU": "muertas con ReLU",
    "dead with LeakyReLU": "muertas con LeakyReLU",
    "Modes found after 600 updates, over seeds": "Modos encontrados tras 600 actualizaciones, sobre las semillas",
    "data": "datos",
    "objective": "objetivo",
    "modes found, mean": "modos encontrados, media",
    "least": "mínimo",
    "reverse KL, mean": "KL inversa, media",
    "± spread": "± dispersión",
    "draws near a mode": "extracciones cerca de un modo",
    "Wasserstein, clipped": "Wasserstein, con pesos acotados",
    "Wasserstein, gradient penalty": "Wasserstein, penalización del gradiente",
    "none": "ninguna",
    "batch normalisation": "por lotes",
    "The run": "La ejecución",
    "recipe": "receta",
    "pictures shown": "imágenes mostradas",
    "drawn after": "dibujadas tras",
    "the painter's, 1,600 files": "las del pintor, 1.600 ficheros",
    "the thesis, section 4.4: 24 hours in all": "la tesis, apartado 4.4: 24 horas en total",
    "without": "sin",
    "instead": "en su lugar",
    "seeds": "semillas",
    "precision": "precisión",
    "recall": "exhaustividad",
    "diversity": "diversidad",
    "failed": "fallidas",
    "nothing": "nada",
    "all recommendations": "todas las recomendaciones",
    "strided convolutions in the discriminator": "convoluciones con paso en el discriminador",
    "3×3 convolutions and max pooling": "convoluciones 3×3 y agrupación por el máximo",
    "transposed convolutions in the generator": "convoluciones traspuestas en el generador",
    "repeated pixels and 3×3 convolutions": "píxeles repetidos y convoluciones 3×3",
    "batch normalisation in the generator": "normalización por lotes en el generador",
    "batch normalisation in the discriminator": "normalización por lotes en el discriminador",
    "batch normalisation in both": "normalización por lotes en ambos",
    "no fully connected layers": "ausencia de capas totalmente conectadas",
    "one of 256 units in each network": "una de 256 unidades en cada red",
    "ReLU in the generator": "ReLU en el generador",
    "tanh at the generator's end": "tanh al final del generador",
    "nothing, clamped after training": "nada; se recorta tras el entrenamiento",
    "LeakyReLU in the discriminator": "LeakyReLU en el discriminador",
    "weights from N(0, 0.02²)": "pesos de N(0; 0,02²)",
    "PyTorch's uniform law": "ley uniforme de PyTorch",
    "β₁ = 0.5 in Adam": "β₁ = 0,5 en Adam",
    "β₁ = 0.9": "β₁ = 0,9",
    "labels of 0.9": "etiquetas de 0,9",
    "labels of 1": "etiquetas de 1",
}
"""Titles, headers and cells that are translated as a whole, where their words would mean something else in others."""


def say(key: str, language: Language, **values: object) -> str:
    """Return words in a language, with values in the place of their braces."""
    return WORDS[key][language].format(**values)


def numerals(text: str, language: Language) -> str:
    """Return a cell of numbers alone as a language writes them; one with words stays as it is.

    >>> numerals("3,576,704", "es"), numerals("0.25, 0.75", "es"), numerals("rate=0.5", "es"), numerals("0.5", "en")
    ('3.576.704', '0,25; 0,75', 'rate=0.5', '0.5')
    """
    if language == "en" or not _NUMERIC.fullmatch(text):
        return text
    return text.replace(", ", "; ").translate(_POINTS)


def translated(text: str, language: Language) -> str:
    """Return a title, header or statement of a kept result in a language; what has no translation stays English."""
    if language == "en":
        return text
    return WHOLE.get(text) or _PHRASE.sub(lambda found: SPANISH[found[0]], text)
