import pytest
from mmengine.config import Config

from mmadf.engine.preflight import check_config, check_options
from tests.conftest import ROOT


def config(**changes):
    return Config({**dict(model=dict(), work_dir='x', dataset_type='mine'), **changes})


def loader(data_root):
    return dict(dataset=dict(type='CustomDataset', data_root=data_root))


def test_own_variables_pass():
    check_config(config(train_pipeline=[], num_things=3), splits=())


@pytest.mark.parametrize(
    ('key', 'meant'),
    [('optim_wraper', 'optim_wrapper'), ('train_dataloder', 'train_dataloader')],
)
def test_misspelt_key_is_named_with_the_right_one(key, meant):
    with pytest.raises(ValueError, match=f'{key!r}; did you mean {meant!r}'):
        check_config(config(**{key: {}}), splits=())


def test_missing_folder_is_named_with_its_field(tmp_path):
    cfg = config(train_dataloader=loader(str(tmp_path)))
    check_config(cfg, splits=['train', 'val'])
    cfg.val_dataloader = loader('no/such')
    with pytest.raises(
        FileNotFoundError, match="val_dataloader.dataset: data_root='no/such' is no"
    ):
        check_config(cfg, splits=['train', 'val'])
    check_config(cfg, splits=['train'])


def test_missing_folder_is_seen_through_wrappers():
    wrapped = dict(dataset=dict(type='RepeatDataset', **loader('no/such')))
    with pytest.raises(FileNotFoundError, match='train_dataloader.dataset.dataset:'):
        check_config(config(train_dataloader=wrapped), splits=['train'])


def test_option_that_would_change_nothing_is_named():
    check_options(config(), ['model.readout', 'randomness.seed', 'work_dir'])
    with pytest.raises(ValueError, match="'modle'; did you mean 'model'"):
        check_options(config(), ['modle.readout'])


def test_option_for_a_variable_of_the_file_names_the_fields_that_take_it():
    cfg = Config.fromfile(ROOT / 'configs/adf/adf_resnet50_folder.py')
    fields = 'model.head.num_classes, data_preprocessor.num_classes'
    with pytest.raises(ValueError, match=f"'num_classes' changes nothing: .*{fields}"):
        check_options(cfg, ['num_classes'])
    for option in ('train_pipeline', 'plugin_hooks.checkpoint.interval'):
        with pytest.raises(ValueError, match=f'{option!r} changes nothing'):
            check_options(cfg, [option])
    check_options(cfg, fields.split(', '))


FLEXIBLE = 'ResumableFlexibleRunner'
SHARD = dict(type='FullyShardStrategy')


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(strategy=SHARD), "strategy=.* is ignored by MMEngine's Runner"),
        (dict(runner_type=FLEXIBLE, compile=True), 'compile=True is ignored by'),
        (
            dict(runner_type='FlexibleRunner', activation_checkpointing=['backbone']),
            'use strategy.activation_checkpointing instead',
        ),
        (
            dict(
                runner_type=FLEXIBLE,
                strategy=SHARD,
                custom_hooks=[dict(type='EMAHook')],
            ),
            'EMAHook copies the whole model',
        ),
    ],
)
def test_what_the_runner_would_ignore_or_break_on_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        check_config(config(**changes), splits=())


def test_what_the_runner_reads_passes():
    check_config(config(compile=True, custom_hooks=[dict(type='EMAHook')]), splits=())
    check_config(config(runner_type=FLEXIBLE, strategy=SHARD, compile=False), splits=())
    check_options(config(), ['compile', 'activation_checkpointing', 'strategy.units'])
