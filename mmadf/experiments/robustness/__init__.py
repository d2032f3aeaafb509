"""What is left of a network's accuracy under attack and corruption."""

from .attacks import ATTACKS, AttackPlan, art_classifier, attack, transferable
from .conditions import Condition, plan_conditions
from .corruptions import SEVERITIES, chosen_corruptions, corrupt, corruption_names
from .evaluate import Evaluation, evaluate
from .masking import masking_warnings
from .network import PixelNetwork, load_images, load_pixel_network
from .picture import draw
from .prepare import identify, prepare
from .records import Records
from .summary import Row, summarise
from .table import compare, markdown, read_results, shared, write_report, write_results

__all__ = [
    'ATTACKS',
    'SEVERITIES',
    'AttackPlan',
    'Condition',
    'Evaluation',
    'PixelNetwork',
    'Records',
    'Row',
    'art_classifier',
    'attack',
    'chosen_corruptions',
    'compare',
    'corrupt',
    'corruption_names',
    'draw',
    'evaluate',
    'identify',
    'load_images',
    'load_pixel_network',
    'markdown',
    'masking_warnings',
    'plan_conditions',
    'prepare',
    'read_results',
    'shared',
    'summarise',
    'transferable',
    'write_report',
    'write_results',
]
