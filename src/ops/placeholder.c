typedef int shardy__ops_placeholder;
