typedef int shardy__vec_placeholder;
