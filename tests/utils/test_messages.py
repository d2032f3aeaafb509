from mmadf.utils.messages import first_names, one_line


def test_the_first_names_are_listed_and_the_others_counted():
    assert first_names('abcde') == 'a, b, c and 2 more'
    assert first_names('abc') == 'a, b, c'
    assert first_names([]) == 'nothing'


def test_an_error_is_its_type_and_its_message_on_one_line():
    assert one_line(ValueError('x=1:\n  not allowed')) == 'ValueError: x=1: not allowed'
