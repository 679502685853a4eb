"""The command ``hstlc`` as ``python -m hstlc``, for where the folder of scripts is not on the path."""

from hstlc.cli.main import main

if __name__ == "__main__":
    main()
