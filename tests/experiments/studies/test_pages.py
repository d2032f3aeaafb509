"""The numbers of README.md and docs/results.md are those of the committed records."""

import json
import re
from functools import cache

import pytest

from tests.conftest import ROOT

RESULTS = ROOT / 'docs' / 'results'
STUDIES = sorted(path.parent.name for path in RESULTS.glob('*/table.md'))
PAGES = 'README.md', 'docs/results.md'
INTERVAL = re.compile(r'\[([+-]?\d+\.\d+),\s+([+-]?\d+\.\d+)\]')
PERCENTAGE = re.compile(r'\b(\d+\.\d+)\s%')
# What the pages call variants and conditions, if not by their names.
NAMES = {
    'ADF, distilled': 'distilled',
    'ADF with distillation': 'distilled',
    'the same without mapper': 'two_distilled',
    'wider': 'wide_deployed',
    'attention pooling of CLIP': 'attention',
    'plain': 'baseline',
    'plain, without weight decay': 'baseline_nodecay',
    'linear, square cosine': 'linear_sqcos',
    'segmented, square cosine': 'segmented_sqcos',
    'AutoAttack, shortened, 1/255': 'autoattack, eps 1/255',
    'fifteen corruptions, mean': 'corrupted, mean',
}
NOT_OURS = 'seeds', 'error in the paper (%)'  # headers of numbers that no table has


def name_of(label):
    """Return the variant or condition that a label of a page means."""
    if quoted := re.search(r'`(\w+)`', label):
        return quoted[1]
    if attack := re.fullmatch(r'(FGSM|PGD), (\S+)', label):
        return f'{attack[1].lower()}, eps {attack[2]}'
    label = label.partition(':')[0].removeprefix('Wise-SrNet, ')
    return NAMES.get(label, label)


def cells(line):
    return [cell.strip() for cell in re.split(r'(?<!\\)\|', line.strip().strip('|'))]


def tables(text):
    """Yield the rows of each table, each a list of pairs of header and cell."""
    for block in re.findall(r'(?:^\|.*\n?)+', text, flags=re.MULTILINE):
        head, _, *lines = block.splitlines()
        yield [list(zip(cells(head), cells(line), strict=True)) for line in lines]


def sections(page):
    """Yield anchor and text of each section, and the text with that of subsections.

    The part before the first section has the anchor ''.
    """
    page = (ROOT / page).read_text()
    heads = [*re.finditer(r'^(#+) (.*)\n', page, flags=re.M)]
    for index, head in enumerate(heads):
        deeper = [len(other[1]) > len(head[1]) for other in heads[index + 1 :]]
        ends = [other.start() for other in heads[index + 1 :]] + [len(page)]
        anchor = re.sub(r'[^\w -]', '', head[2].lower()).replace(' ', '-')
        anchor = anchor if len(head[1]) > 1 else ''
        whole = page[head.end() : ends[[*deeper, False].index(False)]]
        yield anchor, page[head.end() : ends[0]], whole


def linked(text):
    """Return the studies whose records a text links."""
    return sorted(set(re.findall(r'results/(\w+)/', text)))


@cache
def recorded(study):
    """Return the cells of the tables of a study, by what they are and whose."""
    found = {}
    ending = re.search(r'(_norelu|_nobn)?$', study)[0]
    for path in sorted((RESULTS / study).glob('table*.md')):
        for row in next(tables(path.read_text())):
            (_, name), _, (_, mean), (head, difference), (_, crossed) = row[:5]
            name = name.removesuffix(ending)
            control = re.match(r'difference to (\S+)', head)[1].removesuffix(ending)
            macs = next(cell for head, cell in row if 'multiply-adds' in head)
            found['mean', name] = mean.removesuffix(' ± –')
            found['difference', name, control] = difference
            found['macs', name] = [1e3 * float(giga) for giga in macs.split(' → ')]
            if path.name == 'table.md':
                found['crossed', name] = crossed
    comparison = RESULTS / study / 'robustness' / 'comparison.md'
    if comparison.exists():
        for (_, condition), *networks in next(tables(comparison.read_text())):
            found |= {(condition, name): mean for name, mean in networks}
    return found


def is_rounded(text, number):
    """Return whether a text is a number with fewer digits, also if that was rounded."""
    digit = 10 ** -len(text.partition('.')[2])
    return abs(float(text) - number) < 0.5 * digit + 0.0051 * (digit > 0.01)


def is_recorded(cell, head, name, study):
    """Return whether a cell is that of a study; None if the study has no such cell."""
    found = recorded(study)
    if ('mean', name) not in found:
        return None
    if head.startswith('multiply-adds'):
        pairs = zip(cell.split(' → '), found['macs', name], strict=True)
        return all(is_rounded(*pair) for pair in pairs)
    if head == 'error (%)':
        return is_rounded(cell, 100 - float(found['mean', name].split()[0]))
    if head.startswith('difference to '):
        key = 'difference', name, name_of(head.removeprefix('difference to '))
    elif head == 'over seeds and images':
        key = 'crossed', name
    elif 'top-1' in head:
        key = 'mean', name
    else:  # of an attack, or of corruptions
        key = name_of(head), name
    return cell == found[key] if key in found else None


def numbers(table, studies):
    """Yield cells of numbers with their headers, variants and studies."""
    for (first, label), *row in table:
        for head, cell in row:
            if not re.match(r'[[+-]*\d', cell):
                continue
            if first != 'training images per class':
                yield cell, head, name_of(label), studies
            elif linked(label):  # a study
                yield cell, 'top-1', name_of(head), linked(label)
            else:  # the cost
                yield cell, label, name_of(head), studies


@pytest.mark.parametrize('page', PAGES)
def test_tables_of_the_pages_are_those_of_the_studies(page):
    checked = 0
    for _, text, _ in sections(page):
        for table in tables(text):
            studies, shown = linked(text), f'{table}'
            if '±' not in shown and not (studies and 'top-1' in shown):
                continue
            for cell, head, name, among in numbers(table, studies):
                if head in NOT_OURS:
                    continue
                fits = [is_recorded(cell, head, name, study) for study in among]
                assert any(fits), (head, cell, name, among)
                checked += 1
    assert checked > 25


def robustness_intervals(study):
    """Return the 95 % intervals of the differences to the plain network, by seeds."""
    stats = pytest.importorskip('scipy.stats')
    accuracy = {}
    for path in (RESULTS / study).glob('robustness/*/*/results.json'):
        for row in json.loads(path.read_text())['rows']:
            condition = row['kind'], row['name'], row['strength']
            network, seed = path.parts[-3:-1]
            accuracy.setdefault((network, condition), {})[seed] = row['accuracy']
    for (network, condition), own in accuracy.items():
        plain = accuracy['baseline', condition]
        seeds = sorted(own.keys() & plain.keys())
        if network != 'baseline' and len(seeds) > 2:
            pair = [own[seed] for seed in seeds], [plain[seed] for seed in seeds]
            yield tuple(stats.ttest_rel(*pair).confidence_interval())


def sum_intervals(study):
    """Return the interval between the summed heads with and without a mapper."""
    stats = pytest.importorskip('scipy.stats')
    accuracy = {}
    for path in sorted((RESULTS / study).glob('*distilled_seed*.json')):
        record = json.loads(path.read_text())
        sums = accuracy.setdefault(record['variant'], [])
        sums.append(record['metrics']['sum/accuracy/top1'])
    if accuracy.keys() == {'distilled', 'two_distilled'}:
        test = stats.ttest_rel(accuracy['distilled'], accuracy['two_distilled'])
        yield tuple(test.confidence_interval())


@pytest.mark.parametrize('page', PAGES)
def test_intervals_and_percentages_of_the_text_are_those_of_the_studies(page):
    of_anchor = {anchor: linked(whole) for anchor, _, whole in sections(PAGES[1])}
    checked = 0
    for anchor, text, _ in sections(page):
        anchors = re.findall(r'\((?:docs/results\.md)?#([\w-]+)\)', text)
        studies = {s for a in anchors for s in of_anchor.get(a, ())} | set(linked(text))
        studies = studies if anchor else STUDIES
        intervals, means = set(), set()
        for study in studies:
            for path in (RESULTS / study).glob('**/*.md'):
                found = path.read_text()
                intervals |= {tuple(map(float, x)) for x in INTERVAL.findall(found)}
                means |= {float(x) for x in re.findall(r'(\d+\.\d+) ±', found)}
            intervals |= {*robustness_intervals(study), *sum_intervals(study)}
        for ends in INTERVAL.findall(text):
            assert any(all(map(is_rounded, ends, known)) for known in intervals), (
                anchor,
                ends,
            )
            checked += 1
        for percentage in PERCENTAGE.findall(text) if studies else ():
            assert any(is_rounded(percentage, mean) for mean in means), (
                anchor,
                percentage,
            )
            checked += 1
    assert checked > 20
