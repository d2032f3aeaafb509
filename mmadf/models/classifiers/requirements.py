"""What calls of an ADF classifier need: heads, and stages that it has."""

from torch import nn

FEATURES = ('backbone', 'neck', 'pre_logits')


def check_head(classifier: nn.Module) -> None:
    """Refuse what needs a head in a network without heads.

    Raises:
        ValueError: a classifier that was built with head=None.
    """
    if not classifier.with_head:
        raise ValueError(
            'ADFClassifier: head=None builds a feature extractor, which neither '
            "predicts nor learns; call extract_feat or mode='tensor', or build it with "
            'a head.'
        )


def check_both_heads(classifier: nn.Module) -> None:
    """Refuse what needs both heads in a network that has one or none.

    Raises:
        ValueError: a classifier without heads, or deployed.
    """
    check_head(classifier)
    if classifier.deployed:
        raise ValueError(
            'ADFClassifier: the network is deployed, so its appearance head and deep '
            'appearance stages are gone: it can neither be trained nor predict with '
            'them; use the checkpoint from before switch_to_deploy.'
        )


def check_features(classifier: nn.Module, stage: str) -> None:
    """Refuse to extract features that a classifier does not have.

    Raises:
        ValueError: unknown stage, or 'pre_logits' without a head.
    """
    if stage not in FEATURES:
        raise ValueError(f'extract_feat: stage={stage!r} is none of {FEATURES}.')
    if stage == 'pre_logits':
        check_head(classifier)


def check_readout(classifier: nn.Module) -> None:
    """Refuse to deploy a classifier that needs its appearance head.

    Raises:
        ValueError: a readout other than 'semantic'.
    """
    if classifier.readout != 'semantic':
        raise ValueError(
            f'ADFClassifier: readout={classifier.readout!r} needs the appearance head, '
            "which a deployed network does not have; set readout='semantic'."
        )
