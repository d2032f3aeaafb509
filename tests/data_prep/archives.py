"""Tiny archives in the form of the published ones."""

import io
import tarfile
import zipfile

import cv2
import numpy as np

from mmadf.data_prep import INTEL, MIT67, SUBIMAGENET70

CLASSES = ('forest', 'sea')
LAYOUTS = dict(intel=INTEL, mit67=MIT67, subimagenet70=SUBIMAGENET70)
TRAIN, TEST = 10, 4  # images a class


def jpeg(seed: int) -> bytes:
    """Return an image that no other seed gives."""
    noise = np.random.default_rng(seed).integers(0, 255, (16, 16, 3), dtype=np.uint8)
    return cv2.imencode('.jpg', noise)[1].tobytes()


def images() -> dict:
    """Return (split, class, file) -> content of 28 different images."""
    keys = [
        (split, label, f'{split[:2]}{index}.jpg')
        for split, count in dict(train=TRAIN, test=TEST).items()
        for label in CLASSES
        for index in range(count)
    ]
    return {key: jpeg(seed) for seed, key in enumerate(keys)}


def intel_files(content: dict) -> dict:
    """Lay images out as Kaggle's archive of Intel scenes, with images to ignore."""
    files = {f'seg_pred/seg_pred/{n}.jpg': jpeg(100 + n) for n in range(3)}
    for (split, *rest), data in content.items():
        files['/'.join([f'seg_{split}', f'seg_{split}', *rest])] = data
    return files


def mit67_files(content: dict) -> dict:
    """Lay images out as MIT's archive and lists, with an image that none names."""
    files = {'./Images/sea/unlisted.jpg': jpeg(100)}
    lists = dict(train=[], test=[])
    for (split, label, file), data in content.items():
        files[f'./Images/{label}/{file}'] = data
        lists[split].append(f'{label}/{file}')
    for split, lines in lists.items():
        files[f'{split.title()}Images.txt'] = '\r\n'.join(lines + ['']).encode()
    return files


def subimagenet70_files(content: dict) -> dict:
    """Lay images out as the authors' archive, with tables written on Windows."""
    files, tables = {}, dict(train='filename,class\r\n', test='filename,class\r\n')
    for (split, label, file), data in content.items():
        files[f'{label}/{file}'] = data
        tables[split] += f'{label}\\{file},{label}\r\n'
    return {**files, **{f'{s}.csv': text.encode() for s, text in tables.items()}}


def imagenet_files(content: dict) -> dict:
    """Lay images out as Kaggle's archive of ImageNet, test images for validation."""
    wnids = dict(zip(CLASSES, ('n00000001', 'n00000002'), strict=True))
    files, table = {}, 'ImageId,PredictionString\n'
    root = 'ILSVRC/Data/CLS-LOC'
    for (split, label, file), data in content.items():
        if split == 'train':
            name = f'{root}/train/{wnids[label]}/{file[:-4]}.JPEG'
        else:
            name = f'{root}/val/{label}_{file[:-4]}.JPEG'
            table += (
                f'{label}_{file[:-4]},{wnids[label]} 1 2 3 4 {wnids[label]} 5 6 7 8\n'
            )
        files[name] = data
    files[f'{root}/test/ILSVRC2012_test_00000001.JPEG'] = jpeg(100)
    return {**files, 'LOC_val_solution.csv': table.encode()}


FILES = dict(intel=intel_files, mit67=mit67_files, subimagenet70=subimagenet70_files)


def write_archive(path, files: dict):
    """Write a zip file, a tar file or, without suffix, a folder; return its path."""
    if path.suffix == '.zip':
        with zipfile.ZipFile(path, 'w') as archive:
            for name, data in files.items():
                archive.writestr(name, data)
    elif path.suffix == '.tar':
        with tarfile.open(path, 'w') as archive:
            for name, data in files.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    else:
        for name, data in files.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(data)
    return path


def tree(root):
    """Return the content of all images of a folder by their path."""
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.glob('*/*/*')}
