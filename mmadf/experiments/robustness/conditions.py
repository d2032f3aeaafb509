"""The conditions under which a network is tested."""

from typing import List, NamedTuple, Sequence

KINDS = ('clean', 'attack', 'transfer', 'corruption')


class Condition(NamedTuple):
    """Images as they are, attacked, attacked elsewhere, or corrupted.

    `kind` is one of KINDS, `name` that of the attack or corruption, `strength` the eps
    in 1/255, or the severity; 0 for clean images.
    """

    kind: str
    name: str = ''
    strength: float = 0.0

    @property
    def key(self) -> str:
        """A name of its own."""
        return f'{self.kind}/{self.name}/{self.strength:g}'

    @classmethod
    def of_key(cls, key: str) -> 'Condition':
        """Return the condition whose name of its own is `key`."""
        kind, name, strength = key.split('/')
        return cls(kind, name, float(strength))


def plan_conditions(
    attacks: Sequence[str],
    eps: Sequence[float],
    transferred: Sequence[str],
    corruptions: Sequence[str],
    severities: Sequence[int],
) -> List[Condition]:
    """Return all conditions: clean, attacks, transferred attacks, corruptions.

    Args:
        attacks: white-box attacks.
        eps: strengths of all attacks, in 1/255.
        transferred: attacks on another network.
        corruptions: names of corruptions.
        severities: of each, 1 to 5.
    """
    plan = [Condition('clean')]
    for kind, names, strengths in (
        ('attack', attacks, eps),
        ('transfer', transferred, eps),
        ('corruption', corruptions, severities),
    ):
        plan += [Condition(kind, n, float(s)) for n in names for s in strengths]
    return plan
