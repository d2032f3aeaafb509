"""A study of made-up records, from which a test makes its report again."""

variants = {'plain': dict(config='study.py'), 'two': dict(config='study.py')}
control = 'plain'
seeds = (0, 1, 2, 3, 4)
