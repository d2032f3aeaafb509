"""Bad folders end in one line, and hostile ones run nothing."""

import json
import shutil
import sys

import pytest
import torch
from mmengine.runner import CheckpointLoader
from safetensors.torch import load_file, save_file

import mmadf
from mmadf.registry import MODELS
from mmadf.weights.checkpoint import read_checkpoint
from mmadf.weights.load import read_config
from tests.helpers import named
from tests.weights.unsafe import save_unsafe

TIMM = dict(type='TIMMBackbone', model_name='test_resnet', features_only=True)
LOAD = dict(type='LoadImageFromFile')


def in_model(**changes):
    return lambda content: content['model'].update(changes)


def backbone(**changes):
    return lambda content: content['model']['backbone'].update(changes)


def pipeline(**step):
    return lambda content: content['test_pipeline'].insert(0, step)


# What a folder may try: a change of its config, and words of the message.
HOSTILE = {
    'a class of a file': (backbone(type='evil.Network'), "type='evil.Network' is not"),
    'a file': (backbone(type='evil'), "backbone.type='evil' is not one of"),
    'a function': (in_model(type='os.system', command='x'), "type='os.system' is not"),
    'a type that is no name': (backbone(type=['evil']), r"type=\"?\['evil'\]"),
    'a scope': (backbone(_scope_='evil'), "has the key '_scope_'"),
    'a deleted base': (backbone(_delete_=True), "has the key '_delete_'"),
    'a dotted key': (in_model(**{'head.type': 'evil'}), "has the key 'head.type'"),
    'a norm': (in_model(backbone=dict(TIMM, norm_layer='evil.N')), 'norm_layer=.*name'),
    'a weight file': (in_model(init_cfg=dict(checkpoint='a')), 'init_cfg=.* no sett'),
    'weights of timm': (in_model(backbone=dict(TIMM, pretrained=True)), 'pretrained='),
    'a pickle': (in_model(backbone=dict(TIMM, checkpoint_path='a')), 'checkpoint_path'),
    'both branches': (in_model(pretrained_branches=dict(checkpoint='a')), 'branches='),
    'a URL': (backbone(style='https://host.invalid/a'), 'style=.* a path, a URL'),
    'a path': (backbone(style='../evil'), 'style=.* a path, a URL or the name'),
    'timm from the Hub': (
        in_model(backbone=dict(TIMM, model_name='hf-hub:evil/evil')),
        'model_name=.* a path',
    ),
    'remote code': (
        in_model(type='HuggingFaceClassifier', trust_remote_code=True),
        "type='HuggingFaceClassifier' is not",
    ),
    'a pickle of answers': (
        in_model(head=dict(type='VQAGenerationHead', answer_list_path='pkl')),
        "type='VQAGenerationHead' is not",
    ),
    'a transform': (pipeline(type='evil.Transform'), r'test_pipeline\[0\]\.type='),
    'a network as transform': (pipeline(type='ResNet'), r'test_pipeline\[0\]\.type='),
    'functions by name': (pipeline(type='Albumentations'), 'type=.Albumentations. is'),
    'a lambda': (pipeline(type='torchvision/Lambda', lambd='x'), 'torchvision/Lambda'),
    'a storage': (pipeline(**LOAD, backend_args=dict(backend='a')), 'backend_args='),
}


@pytest.fixture
def hostile(folder, monkeypatch):
    """Return a folder with code in it, which is importable, and its traces."""
    trace = folder / 'trace'
    (folder / 'evil.py').write_text(f'open({str(trace)!r}, "w")\nclass Network: pass\n')
    save_unsafe(folder / 'pytorch_model.bin', trace)
    save_unsafe(folder / 'pkl', trace)
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    yield folder
    assert 'evil' not in sys.modules
    assert not trace.exists()


def test_hostile_configs_run_nothing(hostile):
    path = hostile / 'config.json'
    text = path.read_text()
    for name, (function, message) in HOSTILE.items():
        content = json.loads(text)
        function(content)
        path.write_text(json.dumps(content))
        with named(name):
            with pytest.raises(ValueError, match=message) as raised:
                mmadf.from_pretrained('.')
            assert '\n' not in str(raised.value)
            assert 'evil' not in sys.modules
            assert not (hostile / 'trace').exists()


def test_code_beside_the_network_is_not_run(hostile, change):
    change(lambda content: content.update(custom_imports=dict(imports=['evil'])))
    assert type(mmadf.from_pretrained(hostile)).__name__ == 'ADFClassifier'


def test_unknown_names_are_not_imported_as_modules(hostile, change):
    assert MODELS.get('evil') is None
    change(in_model(backbone=dict(TIMM, norm_layer='evil')))
    with pytest.raises(ValueError, match='cannot be built: '):
        mmadf.from_pretrained(hostile)


def test_a_pickle_named_as_weights_is_not_run(hostile):
    (hostile / 'model.safetensors').unlink()
    save_unsafe(hostile / 'model.safetensors', hostile / 'trace')
    with pytest.raises(ValueError, match=r'model\.safetensors.* its header would have'):
        mmadf.from_pretrained(hostile)


def test_only_plain_values_are_saved(network, tmp_path):
    model = dict(type='ImageClassifier', backbone=dict(type='ResNet', style=open))
    with pytest.raises(ValueError, match=r'backbone\.style is of type builtin.*; only'):
        mmadf.save_pretrained(network, tmp_path / 'folder', model)
    assert list(tmp_path.iterdir()) == []


def cut(path, size):
    path.write_bytes(path.read_bytes()[:size])


def with_tensors(folder, function):
    tensors = load_file(folder / 'model.safetensors')
    function(tensors)
    save_file(tensors, folder / 'model.safetensors')


FILES = {
    'no config': (lambda f: (f / 'config.json').unlink(), 'has no config.json'),
    'no weights': (lambda f: (f / 'model.safetensors').unlink(), 'has no model.saf'),
    'cut off weights': (lambda f: cut(f / 'model.safetensors', 90000), 'safetensors'),
    'empty weights': (lambda f: cut(f / 'model.safetensors', 0), 'have 0 bytes'),
    'cut off config': (lambda f: cut(f / 'config.json', 100), 'json.: not JSON'),
    'large config': (
        lambda f: (f / 'config.json').write_text('"' + 'a' * 2**20),
        'more than a config has',
    ),
    'deep config': (lambda f: (f / 'config.json').write_text('[' * 9**5), 'json.: Rec'),
    'large header': (
        lambda f: (f / 'model.safetensors').write_bytes(b'\xff' * 5 + b'\0\0\0{}'),
        'its header would have 1099511627775 bytes, in a file of 10',
    ),
    'missing tensor': (
        lambda f: with_tensors(f, lambda t: t.pop('head.fc.bias')),
        r'does not fit the network; .*1 missing: head\.fc\.bias',
    ),
    'foreign tensor': (
        lambda f: with_tensors(f, lambda t: t.update(alien=torch.ones(1))),
        '1 unexpected: alien',
    ),
    'tensor of another shape': (
        lambda f: with_tensors(f, lambda t: t.update({'head.fc.bias': torch.ones(7)})),
        r'1 misshapen: head\.fc\.bias \(\(7,\) for \(5,\)\)',
    ),
}


def test_bad_files_end_in_one_line(saved, tmp_path):
    for name, (function, message) in FILES.items():
        folder = shutil.copytree(saved, tmp_path / name)
        function(folder)
        errors = (ValueError, FileNotFoundError)
        with named(name):
            with pytest.raises(errors, match=message) as raised:
                mmadf.from_pretrained(folder)
            assert '\n' not in str(raised.value)


CONTENTS = {
    'another library': (dict(library_name='timm'), "library_name='timm'"),
    'another version': (dict(format_version=2), 'format_version=2 is not 1'),
    'no model': (dict(model=None), 'model is of type NoneType, not dict'),
    'names that are no text': (dict(classes=[1, 2]), 'classes must be a list of names'),
    'an argument that does not exist': (
        dict(model=dict(type='ImageClassifier', colour=1)),
        "cannot be built: .*argument 'colour'",
    ),
}


def test_bad_contents_end_in_one_line(folder):
    text = (folder / 'config.json').read_text()
    for name, (values, message) in CONTENTS.items():
        content = {**json.loads(text), **values}
        (folder / 'config.json').write_text(json.dumps(content))
        with named(name):
            with pytest.raises(ValueError, match=message) as raised:
                mmadf.from_pretrained(folder)
            assert '\n' not in str(raised.value)


def test_all_readers_of_folders_check_them(change):
    folder = str(change(backbone(type='evil.Network')))
    for read in (read_config, read_checkpoint, CheckpointLoader.load_checkpoint):
        with pytest.raises(ValueError, match=r"type='evil\.Network' is not"):
            read(folder)
