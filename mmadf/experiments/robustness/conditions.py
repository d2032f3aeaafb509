"""The conditions under which a network is tested."""

from typing import List, NamedTuple, Sequence

KINDS = ('clean', 'attack', 'transfer', 'corruption')


class Condition(NamedTuple):
    """A kind of KINDS, the name of an attack or corruption, and its strength.

    The strength is eps in units of 1/255, or the severity; 0 for clean images.
    """

    kind: str
    name: str = ''
    strength: float = 0.0

    @property
    def key(self) -> str:
        """A unique name."""
        return f'{self.kind}/{self.name}/{self.strength:g}'

    @classmethod
    def from_key(cls, key: str) -> 'Condition':
        """Return the condition with a unique name."""
        kind, name, strength = key.split('/')
        return cls(kind, name, float(strength))


def plan_conditions(
    attacks: Sequence[str],
    eps: Sequence[float],
    transfer: bool,
    corruptions: Sequence[str],
    severities: Sequence[int],
) -> List[Condition]:
    """Return all conditions: clean, attacks, transfer attacks, corruptions.

    Args:
        attacks: names of white-box attacks.
        eps: strengths of each attack, in units of 1/255.
        transfer: whether the attacks are also crafted on another network, except
            AutoAttack, one of whose attacks queries its network without gradients.
        corruptions: names of corruptions.
        severities: severities of each corruption, 1 to 5.
    """
    transferred = [name for name in attacks if transfer and name != 'autoattack']
    conditions = [Condition('clean')]
    for kind, names, strengths in (
        ('attack', attacks, eps),
        ('transfer', transferred, eps),
        ('corruption', corruptions, severities),
    ):
        conditions += [Condition(kind, n, float(s)) for n in names for s in strengths]
    return conditions
