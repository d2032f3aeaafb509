"""The page over HTTP, as Gradio's client and other programs reach it."""

import json
import os
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import quote

import pytest

from mmadf.analysis.demo import Answers, served, uploads

from .conftest import build_network, free_port, write_photo

pytest.importorskip('gradio')
httpx = pytest.importorskip('httpx')
client_module = pytest.importorskip('gradio_client')
pytest.importorskip('captum')
pytest.importorskip('matplotlib')

pytestmark = pytest.mark.slow  # starting a server takes seconds


@pytest.fixture(scope='module')
def page(tmp_path_factory):
    """Serve a network; return it, its address and a folder of examples."""
    folder = tmp_path_factory.mktemp('private')
    examples = [write_photo(folder / f'{i}.png', seed=i) for i in range(2)]
    answers = Answers(build_network(), examples)
    with served(answers, 'My network', examples, port=free_port()) as url:
        yield answers, url, folder


@pytest.fixture(scope='module')
def client(page):
    return client_module.Client(page[1], verbose=False)


def predict(client, path, factor=1):
    file = client_module.handle_file(str(path))
    told = client.predict(file, factor, api_name='/predict')
    return {entry['label']: entry['confidence'] for entry in told['confidences']}


def get(url):
    """Return the status and the text of an address."""
    try:
        with urllib.request.urlopen(url) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_client_gets_the_probabilities_of_the_network(page, client, photo):
    for factor in (0, 1, 1.5):
        expected = page[0].predict(str(photo), factor)
        assert predict(client, photo, factor) == pytest.approx(expected)


def test_client_gets_explanation_and_table(page, client, photo):
    file = client_module.handle_file(str(photo))
    assert client.predict(file, api_name='/explain') == page[0].explain(str(photo))
    table, link = client.predict([file, file], api_name='/table')
    rows, _ = page[0].table([str(photo)])
    assert table['data'] == [rows[0], rows[0]]
    assert 'download="predictions.csv"' in link


def test_bad_upload_is_one_clear_message(client, tmp_path):
    for name in ('notes.png', 'notes.txt', 'notes.svg'):
        path = tmp_path / name
        path.write_text('no image')
        with pytest.raises(client_module.exceptions.AppError) as caught:
            predict(client, path)
        message = str(caught.value)
        assert message.startswith(f'{name}: the file cannot be read as an image;')
        assert str(tmp_path) not in message


def test_server_refuses_an_upload_over_the_limit(page):
    content = bytes(uploads.MAX_BYTES + 1)
    answer = httpx.post(f'{page[1]}gradio_api/upload', files=dict(files=content))
    assert answer.status_code == 413


def test_page_listens_on_this_computer_only(page):
    assert page[1].startswith('http://127.0.0.1:')


def test_files_of_the_server_cannot_be_read(page):
    _, url, folder = page
    for path in (folder / '0.png', Path(__file__), Path('/etc/passwd')):
        status, _ = get(f'{url}gradio_api/file={quote(str(path))}')
        assert status in (403, 404)


def test_file_of_the_server_is_no_input(page, client):
    _, url, folder = page
    data = dict(path=str(folder / '0.png'), meta={'_type': 'gradio.FileData'})
    request = urllib.request.Request(
        f'{url}gradio_api/call/predict',
        json.dumps(dict(data=[data, 1])).encode(),
        {'Content-Type': 'application/json'},
    )
    with urllib.request.urlopen(request) as answer:
        event = json.load(answer)['event_id']
    _, text = get(f'{url}gradio_api/call/predict/{event}')
    assert 'event: error' in text and 'confidence' not in text


def test_page_contains_no_path_of_the_server(page):
    _, url, folder = page
    for address in ('', 'config', 'gradio_api/info'):
        status, text = get(url + address)
        assert status == 200
        assert str(folder) not in text
        assert str(Path.cwd()) not in text


def test_page_loads_nothing_from_elsewhere(page):
    _, text = get(page[1])
    assert 'fonts.googleapis' not in text


def test_uploads_are_removed_at_the_end(answers, photo, monkeypatch, tmp_path):
    monkeypatch.setenv('GRADIO_TEMP_DIR', str(tmp_path))
    with served(answers, 'My network', port=free_port()) as url:
        predict(client_module.Client(url, verbose=False), photo)
        assert [path for path in tmp_path.rglob('*.png') if path != photo]
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []
    assert os.environ['GRADIO_TEMP_DIR'] == str(tmp_path)


def test_used_port_is_reported(page, answers):
    port = int(page[1].rstrip('/').rpartition(':')[2])
    with pytest.raises(OSError, match=str(port)), served(answers, 'x', port=port):
        pass
