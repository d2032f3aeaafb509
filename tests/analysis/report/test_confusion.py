import torch

from mmadf.analysis.report.confusion import shade, shown_matrix


def test_cells_have_numbers_and_shades_by_share_of_their_row():
    matrix = torch.tensor([[1, 3], [0, 0]])
    found = shown_matrix(matrix, 'ab')
    assert (found.classes, found.left_out, found.numbers) == (['a', 'b'], 0, True)
    right, wrong = found.rows[0].cells
    assert right == ('a', 1, 'right', shade(0.25))
    assert wrong == ('b', 3, 'wrong dark', shade(0.75))
    assert found.rows[1] == ('b', [None, None])


def test_shades_are_visible_and_increase():
    shares = [0.001, 0.01, 0.1, 0.5, 1]
    shades = [shade(share) for share in shares]
    assert shades == sorted(shades)
    assert shades[0] > 0.1
    assert shades[-1] == 1


def test_of_too_many_classes_those_with_the_most_errors_are_shown():
    matrix = torch.diag(torch.tensor([9, 9, 9, 9]))
    matrix[3, 1] = 5
    matrix[0, 1] = 1
    found = shown_matrix(matrix, 'abcd', limit=2)
    assert (found.classes, found.left_out) == (['b', 'd'], 2)
    assert [[cell and cell.images for cell in row.cells] for row in found.rows] == [
        [9, None],
        [5, 9],
    ]
    assert found.rows[1].cells[0].shade == shade(5 / 14)


def test_cells_of_many_classes_have_no_numbers():
    for count, numbers in ((30, True), (31, False)):
        found = shown_matrix(torch.eye(count).int(), [str(i) for i in range(count)])
        assert found.numbers is numbers
