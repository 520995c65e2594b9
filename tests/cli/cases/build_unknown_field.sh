# A field that no row has is a mistake in its name, not a build without it.
code make_vec --payload-fields nmae
code make_vec --vector-id-field nam
ls
