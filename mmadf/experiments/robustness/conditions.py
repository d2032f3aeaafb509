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

    def __str__(self) -> str:
        return f'{self.kind}/{self.name}/{self.strength:g}'


def plan_conditions(
    attacks: Sequence[str],
    eps: Sequence[float],
    transfer: bool,
    corruptions: Sequence[str],
    severities: Sequence[int],
) -> List[Condition]:
    """Return all conditions: clean, attacks, transfer attacks, corruptions, AutoAttack.

    AutoAttack is the last one, because it takes most of the time.

    Args:
        attacks: names of white-box attacks.
        eps: strengths of each attack, in units of 1/255.
        transfer: whether the attacks are also crafted on another network, except
            AutoAttack, one of whose attacks queries its network without gradients.
        corruptions: names of corruptions.
        severities: severities of each corruption, 1 to 5.
    """
    transferred = [name for name in attacks if transfer and name != 'autoattack']
    conditions = [
        Condition('clean'),
        *(Condition('attack', name, e) for name in attacks for e in eps),
        *(Condition('transfer', name, e) for name in transferred for e in eps),
        *(Condition('corruption', name, s) for name in corruptions for s in severities),
    ]
    conditions = dict.fromkeys(conditions)  # each once
    return sorted(conditions, key=lambda condition: condition.name == 'autoattack')
