"""The games that pages play, the newest ones kept. Imports PyTorch."""

import msgspec

from lienzo.studio.duels.process import Wish
from lienzo.studio.worker import Answer
from lienzo.theory.duels.duel import Duel

MOST = 8
"""Games that are kept; whose page asks for a forgotten one plays it again from the beginning."""

SECONDS = 0.15
"""Of one answer: a moment that is further away is reached by asking again."""

_duels: dict[str, Duel] = {}


def fulfil(wish: Wish) -> Answer:
    """Play on to the moment of a wish, and return it as JSON.

    A game goes on where its page left it; another one, or an earlier moment, is played from the beginning.
    """
    duel = _duels.pop(wish.page, None)
    if duel is None or duel.setup != wish.setup or duel.halves > wish.halves:
        duel = Duel(wish.setup)
    _duels[wish.page] = duel  # the newest stands last
    while len(_duels) > MOST:
        del _duels[next(iter(_duels))]
    duel.play(wish.halves, SECONDS)
    return "application/json", msgspec.json.encode(duel.picture())
