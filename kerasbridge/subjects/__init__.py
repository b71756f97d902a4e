"""A model of the user's and its data, as the commands take them: a script, a .keras file, a table, a folder of images.

`source.Source` names them, `load.load` reads them into a `Subject`. A `Form` is how rows of a table, pictures or arrays
become the inputs and targets of a model; a run folder records it, so that later data is prepared in the same way.
"""
