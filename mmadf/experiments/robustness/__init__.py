"""Robustness tests: accuracy and calibration under attacks and corruptions."""

from .attacks import ATTACKS, AttackOptions
from .conditions import Condition, plan_conditions
from .corruptions import SEVERITIES, select_corruptions
from .evaluate import Evaluation, evaluate
from .loading import load_evaluation
from .masking import masking_warnings
from .network import PixelNetwork
from .records import Records
from .summary import Row, common_conditions, import_calibration_error, summarise

__all__ = [
    'ATTACKS',
    'SEVERITIES',
    'AttackOptions',
    'Condition',
    'Evaluation',
    'PixelNetwork',
    'Records',
    'Row',
    'common_conditions',
    'evaluate',
    'import_calibration_error',
    'load_evaluation',
    'masking_warnings',
    'plan_conditions',
    'select_corruptions',
    'summarise',
]
