"""`python -m mmadf` is the command `mmadf`, also without an installation."""

from mmadf_command import main

if __name__ == '__main__':
    main()
