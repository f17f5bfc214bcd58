r"""The Nash equilibrium: strategies from which nobody gains by moving alone.

A Nash equilibrium is a pair of strategies from which neither player gains by moving alone. In a zero-sum game with
payoff matrix $A$ the row player pays $x^\top A y$ to the column player, and both mix their strategies. Then

    \min_x \max_y x^\top A y = \max_y \min_x x^\top A y = v

(von Neumann 1928). Each side is a linear program and the other's dual, and $v$ is the value of the game.

Now let strategies be vectors without bounds and the payoff bilinear, $x^\top A y$ with $A$ invertible. The one
equilibrium is $(0, 0)$, yet gradient play need not find it. With a singular value $s$ of $A$ and step $h$, one step
multiplies the distance by

    \text{simultaneous play} &\quad \sqrt{1 + h^2 s^2} > 1 \text{, so it spirals outwards} \\
    \text{alternating play} &\quad 1 \text{, so it circles for ever, while } h s < 2

whereas the mean of the alternating iterates converges to the equilibrium (Gidel et al. 2019). A Wasserstein game of a
linear critic $ψ x$ against a generator that paints one point $θ$ is exactly that game. lienzo's own loop plays it
here.
"""

from collections.abc import Generator

import numpy as np
from scipy.optimize import linprog

from lienzo import seeds
from lienzo.display import charts
from lienzo.recipe.objectives import Regularisation, Wasserstein
from lienzo.theory.finding import Claim, Drawing, Finding, Table
from lienzo.theory.models.dirac import Dirac
from lienzo.theory.models.laws import Array

GAMES: dict[str, tuple[Array, Array, Array, float]] = {
    "matching pennies": (np.array([[1.0, -1], [-1, 1]]), np.array([0.5, 0.5]), np.array([0.5, 0.5]), 0.0),
    "rock, paper, scissors": (
        np.array([[0.0, 1, -1], [-1, 0, 1], [1, -1, 0]]),
        np.full(3, 1 / 3),
        np.full(3, 1 / 3),
        0.0,
    ),
    "a saddle in pure strategies": (np.array([[3.0, 1], [4, 6]]), np.array([1.0, 0]), np.array([1.0, 0]), 3.0),
    "two by two, mixed": (np.array([[3.0, -1], [-2, 1]]), np.array([3 / 7, 4 / 7]), np.array([2 / 7, 5 / 7]), 1 / 7),
}
"""Name of a game -> payoffs to the column player (m, n), equilibrium strategies of the row player (m,) and of the
column player (n,), and the value of the game."""

STEP = 0.2
STEPS = 400


def experiment(seed: int) -> Generator[str, None, Finding]:
    """Solve matrix games by linear programming, and train on the bilinear game by gradient steps."""
    yield "matrix games"
    claims, table = matrix_games()
    claims += random_games(seed)
    yield "gradient play"
    paths = {
        "simultaneous": train(simultaneous=True),
        "alternating": train(simultaneous=False),
        "alternating, R1": train(simultaneous=False, penalty=1.0),
    }
    return Finding(
        name="equilibrium",
        title="The Nash equilibrium",
        mathematics=str(__doc__),
        claims=(*claims, *_claims_of(paths)),
        drawings=(_draw_values(), _draw_paths(paths)),
        tables=(table,),
    )


def solve(payoffs: Array) -> tuple[Array, float]:
    """Return the row player's equilibrium strategy (m,) and the value of a zero-sum game, by linear programming.

    Args:
        payoffs: (m, n), the amounts that the row player pays to the column player.
    """
    m, n = payoffs.shape
    program = linprog(
        np.append(np.zeros(m), 1.0),  # minimise v
        A_ub=np.hstack([payoffs.T, -np.ones((n, 1))]),  # such that no column earns more than v
        b_ub=np.zeros(n),
        A_eq=np.append(np.ones(m), 0.0)[None],
        b_eq=[1.0],
        bounds=[(0, None)] * m + [(None, None)],
    )
    return program.x[:m], float(program.x[m]) + 0.0  # no negative zero


def matrix_games() -> tuple[list[Claim], Table]:
    """Return the claims about games whose solutions are known, and a table of them."""
    claims, rows = [], []
    for name, (payoffs, row, column, value) in GAMES.items():
        x, cost = solve(payoffs)
        y, gain = solve(-payoffs.T)
        error = max(np.abs(x - row).max(), np.abs(y - column).max(), abs(-gain - value))
        claims.append(Claim(f"{name}: the value", value, cost, 1e-9))
        claims.append(Claim(f"{name}: largest error of both strategies and values", 0.0, float(error), 1e-9))
        rows.append((name, _spelt(x), _spelt(y), cost))
    return claims, Table("Equilibria", ("game", "row player", "column player", "value"), tuple(rows))


def random_games(seed: int) -> list[Claim]:
    """Return the claims about 30 random games of 5 × 7: minimax = maximin, and nobody gains by moving alone."""
    random = seeds.numpy_generator(seed, "theory/equilibrium")
    gaps, gains = [], []
    for _ in range(30):
        payoffs = random.normal(size=(5, 7))
        x, cost = solve(payoffs)
        y, gain = solve(-payoffs.T)
        gaps.append(abs(cost + gain))
        gains.append(max((x @ payoffs).max() - x @ payoffs @ y, x @ payoffs @ y - (payoffs @ y).min()))
    return [
        Claim("min max = max min: the largest gap of 30 random games", 0.0, max(gaps), 1e-9),
        Claim("nobody gains by moving alone: the largest gain of 30 random games", 0.0, float(max(gains)), 1e-9),
    ]


def train(simultaneous: bool, penalty: float = 0.0) -> Array:
    """Train the Dirac-GAN with the Wasserstein losses from (1, 0), and return the path of (θ, ψ), (steps + 1, 2)."""
    game = Dirac(Wasserstein(), Regularisation(r1=penalty), STEP, theta=1.0, psi=0.0, bias=False)
    path = [game.position()]
    for _ in range(STEPS):
        game.step(simultaneous)
        path.append(game.position())
    return np.array(path)[:, :2]


def _claims_of(paths: dict[str, Array]) -> list[Claim]:
    def growth(path: Array) -> float:
        radius = np.hypot(*path.T)
        return float((radius[-1] / radius[0]) ** (1 / STEPS))

    around = paths["alternating"]
    # The alternating map keeps θ² + ψ² − h θ ψ, which is therefore what its circle is measured by.
    kept = (around**2).sum(1) - STEP * around.prod(1)
    damped = np.abs(np.linalg.eigvals(np.array([[1 - STEP**2, STEP * (1 - STEP)], [-STEP, 1 - STEP]]))).max()
    return [
        Claim(
            "simultaneous play: growth per step = √(1 + h²)", (1 + STEP**2) ** 0.5, growth(paths["simultaneous"]), 1e-4
        ),
        Claim("alternating play circles: change of θ² + ψ² − hθψ", 0.0, float(np.abs(kept / kept[0] - 1).max()), 1e-4),
        Claim("the mean of the alternating path is at the equilibrium", 0.0, float(np.abs(around.mean(0)).max()), 0.05),
        Claim(
            "with R1 (γ = 1) it contracts by |λ|, the spectral radius", damped, growth(paths["alternating, R1"]), 0.01
        ),
    ]


def _spelt(strategy: Array) -> str:
    return ", ".join(f"{share:.4f}" for share in strategy + 0.0)


def _draw_values() -> Drawing:
    payoffs, row, _, value = GAMES["two by two, mixed"]
    share = np.linspace(0.0, 1.0, 101)
    costs = np.stack([share, 1 - share], 1) @ payoffs
    with charts.figure(5.0, 3.0) as figure:
        axes = figure.subplots()
        for column, style in zip(costs.T, charts.LINES, strict=False):
            axes.plot(share, column, style)
        axes.plot(share, costs.max(1), color="0.4", linewidth=4, alpha=0.35, label="the best answer")
        axes.plot([row[0]], [value], "o", color="black", label=f"equilibrium, v = {value:.4f}")
        axes.set(xlabel="share of the first row", ylabel="what the row player pays")
        axes.legend()
        return Drawing(
            charts.svg(figure),
            "Two by two, mixed: what the row player pays against each column. The equilibrium is the lowest point "
            "of the upper edge.",
        )


def _draw_paths(paths: dict[str, Array]) -> Drawing:
    with charts.figure(7.2, 2.7) as figure:
        for axes, (name, path), colour in zip(figure.subplots(1, 3), paths.items(), charts.COLOURS, strict=False):
            shown = path[: 60 if name == "simultaneous" else 33]
            axes.plot(*shown.T, "-", color=colour, marker=".", markersize=3, linewidth=0.8)
            axes.plot(0, 0, "+", color="black", markersize=10)
            axes.set(title=name, xlabel="θ, generator", aspect="equal", adjustable="datalim")
        figure.axes[0].set_ylabel("ψ, critic")
        return Drawing(
            charts.svg(figure),
            "Gradient play of the bilinear game, by lienzo's loop, from (1, 0); the cross is the equilibrium.",
        )
