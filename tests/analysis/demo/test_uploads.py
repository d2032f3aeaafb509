import PIL.Image
import pytest

from mmadf.analysis.demo import uploads
from mmadf.analysis.demo.uploads import UploadError, check_count, check_upload
from tests.helpers import named, png_header


def truncated(path):
    PIL.Image.effect_noise((64, 64), 90).save(path)
    path.write_bytes(path.read_bytes()[:-500])


BAD = {
    'text': (lambda path: path.write_text('no image'), 'cannot be read as an image'),
    'empty': (lambda path: path.write_bytes(b''), 'the file is empty'),
    'truncated': (truncated, 'cannot be read as an image'),
    'huge': (
        lambda path: path.write_bytes(png_header(30_000, 30_000)),
        'more than 67 million pixels',
    ),
    'large': (
        lambda path: path.write_bytes(png_header(8_200, 8_200)),
        'more than 67 million pixels',
    ),
    'drawing': (lambda path: path.write_text('<svg/>'), 'cannot be read as an image'),
}


def test_bad_file_gives_one_clear_message_without_its_folder(tmp_path):
    path = tmp_path / 'upload.png'
    for kind, (write, words) in BAD.items():
        write(path)
        with named(kind), pytest.raises(UploadError) as caught:
            check_upload(path)
        message = str(caught.value)
        assert message.startswith('upload.png: ') and words in message
        assert 'choose' in message and message.count('\n') == 0
        assert str(tmp_path) not in message and 'object at' not in message


def test_file_of_too_many_bytes_is_not_read(tmp_path, monkeypatch, photo):
    monkeypatch.setattr(uploads, 'MAX_BYTES', 2**20)
    check_upload(photo)
    path = tmp_path / 'long.png'
    with path.open('wb') as file:
        file.truncate(5 * 2**20)
    with pytest.raises(UploadError, match='long.png: 5 MiB is more than 1 MiB'):
        check_upload(path)


def test_number_of_files_is_limited():
    for count in (0, 201):
        with pytest.raises(UploadError, match=f'{count} files are selected; choose'):
            check_count(count)
    check_count(200)
