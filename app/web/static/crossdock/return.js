// Takes the cart home at once; without scripts the button does it.
document.getElementById("return").submit();
